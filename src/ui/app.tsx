// The document: header, the page that the address names, and the voice for screen readers.

import { BenchmarkPage } from "./benchmark-page.tsx";
import { ChatPage } from "./chat-page.tsx";
import { ComparePage } from "./compare-page.tsx";
import { DocumentPage } from "./document-page.tsx";
import { Header } from "./header.tsx";
import type { Page } from "./state/page.ts";

function RoutedPage({ page }: { page: Page }) {
  switch (page.route.value) {
    case "chat":
      return <ChatPage page={page} />;
    case "compare":
      return <ComparePage page={page} />;
    case "document":
      return <DocumentPage page={page} />;
    case "benchmark":
      return <BenchmarkPage page={page} />;
  }
}

export function App({ page }: { page: Page }) {
  return (
    <>
      <Header page={page} />
      <RoutedPage page={page} />
      <p class="visually-hidden" role="status" aria-live="polite">
        {page.announcement}
      </p>
    </>
  );
}
