//! An allocator that wipes what is freed.
//!
//! A password passes through buffers that are not ours: those of the HTTP parser, the JSON parser, the TLS library. No
//! care in our own code wipes these (crates that promise zeroizing do it for their own types only); wiping every freed
//! block does. It was measured to cost at most a few percent.
#![expect(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait; this is the one place of the project that needs it"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;

/// The system's allocator, with every block wiped before it is given back.
#[derive(Clone, Copy, Debug, Default)]
pub struct ZeroOnFree;

// SAFETY: every call goes to `System` with the caller's own arguments, so its guarantees are those of `System`.
// Reallocation is left to the trait's default (allocate, copy, deallocate), so that a moved block's old place is wiped
// as well. `dealloc` writes only inside the block, which the caller still owns until `System.dealloc`.
unsafe impl GlobalAlloc for ZeroOnFree {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `alloc_zeroed`'s contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` was allocated with `layout` and nobody uses it any more. `black_box` makes the write
        // observable, so that it is not removed as a dead store.
        unsafe {
            block.write_bytes(0, layout.size());
            black_box(block);
            System.dealloc(block, layout);
        }
    }
}
