// The page's own icons, on a grid of 20, drawn in the colour of the text around them. They never carry meaning alone.

import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

/** The mark of the page, as in public/favicon.svg. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect class="logo-ground" width="32" height="32" rx="7" />
      <path class="logo-bolt" d="M18.9 4.2 7.4 17.8h6L11 27.8 24.6 12.9h-7z" />
    </svg>
  );
}

export function SendIcon() {
  return (
    <Icon>
      <path d="M10 16.5v-13M4.5 9 10 3.5 15.5 9" />
    </Icon>
  );
}

export function StopIcon() {
  return (
    <Icon>
      <rect class="icon-fill" x="5" y="5" width="10" height="10" rx="1.5" />
    </Icon>
  );
}

export function NewChatIcon() {
  return (
    <Icon>
      <path d="M10 4v12M4 10h12" />
    </Icon>
  );
}

export function SamplingIcon() {
  return (
    <Icon>
      <path d="M3 6h7M14.5 6H17M3 14h2.5M10 14h7" />
      <circle cx="12.2" cy="6" r="2.2" />
      <circle cx="7.7" cy="14" r="2.2" />
    </Icon>
  );
}

export function DownIcon() {
  return (
    <Icon>
      <path d="M10 3.5v13M4.5 11l5.5 5.5 5.5-5.5" />
    </Icon>
  );
}

export function CloseIcon() {
  return (
    <Icon>
      <path d="m5 5 10 10M15 5 5 15" />
    </Icon>
  );
}

export function DoneIcon() {
  return (
    <Icon>
      <path d="m4 10.5 4 4 8-9" />
    </Icon>
  );
}

export function WarningIcon() {
  return (
    <Icon>
      <path d="M10 2.8 18 16.8H2zM10 8.2v4" />
      <circle class="icon-fill" cx="10" cy="14.4" r="0.9" />
    </Icon>
  );
}
