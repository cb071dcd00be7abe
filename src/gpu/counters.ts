// What the engine asked of the GPU so far: plain numbers that tests and benchmarks read as differences.

export interface Counters {
  buffersCreated: number;
  bindGroupsCreated: number;
  pipelinesCreated: number;
  dispatches: number;
  submits: number;
  mapCalls: number;
  /** Bytes of weights that the dispatches read, each dispatch's once. */
  weightBytes: number;
}

export function createCounters(): Counters {
  return {
    buffersCreated: 0,
    bindGroupsCreated: 0,
    pipelinesCreated: 0,
    dispatches: 0,
    submits: 0,
    mapCalls: 0,
    weightBytes: 0,
  };
}
