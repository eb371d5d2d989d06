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

use mimalloc::MiMalloc;

/// Blocks up to this size come from mimalloc, larger ones from the system's allocator, which needs less memory for the
/// buffers of large bodies.
const SMALL: usize = 16 * 1024;

/// mimalloc for small blocks and the system's allocator for large ones, with every block wiped before it is given back.
#[derive(Clone, Copy, Debug, Default)]
pub struct ZeroOnFree;

/// Whether a block comes from mimalloc.
fn is_small(layout: Layout) -> bool {
    layout.size() <= SMALL
}

// SAFETY: every call goes to another allocator with the caller's own arguments, so its guarantees are that one's. Which
// one depends on the layout alone, which is the same when a block is allocated and when it is given back. Reallocation is
// left to the trait's default (allocate, copy, deallocate), so that a moved block's old place is wiped as well. `dealloc`
// writes only inside the block, which the caller still owns until the other allocator's `dealloc`.
unsafe impl GlobalAlloc for ZeroOnFree {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { if is_small(layout) { MiMalloc.alloc(layout) } else { System.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `alloc_zeroed`'s contract.
        unsafe { if is_small(layout) { MiMalloc.alloc_zeroed(layout) } else { System.alloc_zeroed(layout) } }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` was allocated with `layout` and nobody uses it any more. `black_box` makes the write
        // observable, so that it is not removed as a dead store.
        unsafe {
            block.write_bytes(0, layout.size());
            black_box(block);
            if is_small(layout) { MiMalloc.dealloc(block, layout) } else { System.dealloc(block, layout) }
        }
    }
}
