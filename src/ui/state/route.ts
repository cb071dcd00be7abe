// Which page an address names. Routes live behind the `#`, so that the site works under any base path.

export type Route = "chat" | "document" | "benchmark";

/** The route of a location's hash; the chat for every unknown one. */
export function parseRoute(hash: string): Route {
  switch (hash.replace(/^#\/?/, "")) {
    case "document":
      return "document";
    case "benchmark":
      return "benchmark";
    default:
      return "chat";
  }
}
