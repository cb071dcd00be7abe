// The dispatches of one decode step: four a lightning layer, four and one for each KV segment a softmax layer.


import type { Pass } from "./pass.ts";
import type { PassTensors } from "./pass-tensors.ts";
export async function createDecodePass(_tensors: PassTensors): Promise<Pass> { return { dispatches: [], tapPoints: [] }; }
