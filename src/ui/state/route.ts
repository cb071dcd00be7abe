// Which page an address names. Routes live behind the `#`, so that the site works under any base path.

export type Route = "chat" | "document" | "compare" | "benchmark";

/** The route of a location's hash, whatever follows a question mark in it; the chat for every unknown one. */
export function parseRoute(hash: string): Route {
  switch (hash.replace(/^#\/?/, "").replace(/\?.*$/, "")) {
    case "compare":
      return "compare";
    case "document":
      return "document";
    case "benchmark":
      return "benchmark";
    default:
      return "chat";
  }
}
