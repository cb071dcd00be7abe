// increment: adds one to a counter; what a dispatch costs that does next to nothing, and waits for the one before.
//   count = count + 1
// Bindings:
//   0 count: u32, read_write — read and written
// Dispatch: (1, 1, 1) workgroups of one thread. Dispatches in sequence follow one another, as each reads what the one
//   before wrote.
// Source: none; a measuring kernel
// Reference: src/reference/kernels/increment.ts, increment

@group(0) @binding(0) var<storage, read_write> count: u32;

@compute @workgroup_size(1)
fn increment() {
  count += 1u;
}
