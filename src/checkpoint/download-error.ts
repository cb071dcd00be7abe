/** A file of a model could not be fetched whole; trying again may help. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
}
