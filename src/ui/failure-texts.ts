// What each failure means for the person, and what to do about it.

import type { FailureKind } from "../worker/messages-engine.ts";

export interface FailureText {
  readonly title: string;
  readonly advice: readonly string[];
  /** Whether the list of browsers that have WebGPU helps. */
  readonly namesBrowsers: boolean;
  /** What the button says; null where trying again cannot help. */
  readonly retry: string | null;
}

/** Source: github.com/gpuweb/gpuweb/wiki/Implementation-Status. */
export const WEBGPU_BROWSERS: readonly { readonly browser: string; readonly where: string }[] = [
  {
    browser: "Chrome and Edge",
    where: "from 113 on Windows, macOS and ChromeOS, from 121 on Android 12, from 144 on Linux (147 with NVIDIA)",
  },
  { browser: "Safari", where: "from 26 on macOS, iOS and iPadOS" },
  { browser: "Firefox", where: "from 141 on Windows, from 147 on Macs with Apple silicon" },
];

export const FAILURE_TEXTS: Readonly<Record<FailureKind, FailureText>> = {
  "no-webgpu": {
    title: "This browser has no WebGPU",
    advice: [
      "The model runs on your GPU through WebGPU, which this browser does not offer or has switched off.",
      "Open this page in one of the browsers below, or a newer version of yours.",
    ],
    namesBrowsers: true,
    retry: null,
  },
  "insecure-origin": {
    title: "This address is not secure, so the browser hides the GPU",
    advice: [
      "Browsers offer WebGPU only to pages from https:// or from http://localhost; this one came over plain http.",
      "Serve the page over https, or open it on the machine that serves it, as http://localhost. From another machine, a tunnel does it too: ssh -L 8080:localhost:PORT, then http://localhost:8080.",
    ],
    namesBrowsers: false,
    retry: null,
  },
  "no-webgpu-in-worker": {
    title: "This browser has WebGPU, but not in workers",
    advice: [
      "The model runs in a worker, so that the page stays quick while it answers. This browser offers its GPU to the page alone.",
      "A newer version of it, or one of the browsers below, offers it to both.",
    ],
    namesBrowsers: true,
    retry: null,
  },
  "no-adapter": {
    title: "The browser finds no GPU that it may use",
    advice: [
      "WebGPU is there, but no graphics adapter: hardware acceleration may be switched off in the browser's settings, or the driver may be too old or blocked.",
      "Switch hardware acceleration on, update the graphics driver, and restart the browser. In Chrome, chrome://gpu tells the reason. On Linux, WebGPU may need a newer version of the browser.",
    ],
    namesBrowsers: true,
    retry: "Look again",
  },
  "limit-too-small": {
    title: "This GPU is too small for the model",
    advice: [
      "The model needs more of one resource than this GPU offers; the detail below names it.",
      "If the computer has a second, larger GPU, let the browser use that one in the system's graphics settings.",
    ],
    namesBrowsers: false,
    retry: "Try again",
  },
  "wrong-features": {
    title: "The address asks for GPU features that are not there",
    advice: [
      "What follows ?features= in the address chooses the kernels: none, default, or those of a list such as subgroups,f16 that this GPU offers. The detail below names what is wrong.",
      "Take it out of the address, and the page chooses by itself.",
    ],
    namesBrowsers: false,
    retry: null,
  },
  download: {
    title: "The model could not be downloaded",
    advice: [
      "The connection broke off again and again, or the server was too busy. Check the connection and try again.",
      "What has arrived whole is not downloaded again where this browser could keep it.",
    ],
    namesBrowsers: false,
    retry: "Try again",
  },
  "missing-file": {
    title: "A file of the model is missing",
    advice: [
      "The server does not give a file that belongs to the model; the detail below names it.",
      "If this page has been open for long, the site may have changed meanwhile: reload the page. If it stays so, the site was not put up whole.",
    ],
    namesBrowsers: false,
    retry: "Try again",
  },
  "web-page": {
    title: "A web page came instead of the model",
    advice: [
      "Networks of hotels, trains and offices answer like this until you have signed in: open any other page, sign in, and try again.",
      "If it stays so, the server has no such file and answers with a page of its own.",
    ],
    namesBrowsers: false,
    retry: "Try again",
  },
  "bad-model": {
    title: "The model's files are damaged",
    advice: [
      "What arrived is not what the model's description says, so none of it is used.",
      "Try again; if it stays so, the files on the server are wrong and need to be exported anew.",
    ],
    namesBrowsers: false,
    retry: "Try again",
  },
  "bad-document": {
    title: "This document cannot be read",
    advice: ["The page reads plain text, Markdown, HTML and PDF files that hold text."],
    namesBrowsers: false,
    retry: null,
  },
  "device-lost": {
    title: "The GPU was lost again and again",
    advice: [
      "The driver restarted, the computer slept, another program needed the GPU, or the browser keeps it back after it failed several times.",
      "What was written is kept, and goes on where it was when there is a GPU again. Trying again may be enough; smaller blocks ask less of the GPU at a time. If it stays so, restart the browser and update the graphics driver.",
    ],
    namesBrowsers: false,
    retry: "Try again",
  },
  "memory-budget": {
    title: "This needs more GPU memory than this page may take",
    advice: [
      "Browsers do not tell how much GPU memory is free, so this page keeps to a budget: an estimate, which you can change. Nothing was loaded that exceeds it.",
      "Allow more if your GPU has it, or take less. The budget stands in the panel of the model too.",
    ],
    namesBrowsers: false,
    retry: "Try again",
  },
  "gpu-hung": {
    title: "The GPU stopped answering again and again",
    advice: [
      "It took work and did not finish it, so it was given up and tried anew, three times.",
      "What was written is kept, and goes on where it was. Smaller blocks ask less of the GPU at a time. Close other programs that use it, or update the graphics driver.",
    ],
    namesBrowsers: false,
    retry: "Try again",
  },
  "gpu-error": {
    title: "The GPU refused a command again and again",
    advice: [
      "The browser or the graphics driver did not accept what this page asked for, three times over. This is a fault of the page or of the driver, not of yours.",
      "What was written is kept, and goes on where it was. A newer version of the browser or of the graphics driver may help.",
    ],
    namesBrowsers: false,
    retry: "Try again",
  },
  "out-of-memory": {
    title: "The GPU has too little free memory",
    advice: [
      "The memory ran out again and again: other tabs and programs use it too.",
      "What was written is kept, and goes on where it was. Close other tabs and programs that use the GPU, then try again; smaller blocks need a little less.",
    ],
    namesBrowsers: false,
    retry: "Try again",
  },
  internal: {
    title: "Something went wrong in the engine",
    advice: [
      "This is a fault of the program, not of yours. Loading again may help. A message without an answer goes back into the text field.",
    ],
    namesBrowsers: false,
    retry: "Load again",
  },
};
