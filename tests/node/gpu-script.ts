// A script that needs a GPU: prints what it found and was given, waits for its input to end, and exits with 7.

import { text } from "node:stream/consumers";
import { openGpu } from "../../scripts/node/gpu.ts";

const { description, isSoftware } = await openGpu();
process.on("SIGINT", () => process.exit(9));
console.log(JSON.stringify({ description, isSoftware, arguments: process.argv.slice(2) }));
console.log(await text(process.stdin));
process.exit(7);
