//! The allocator of a module: lists of free blocks of a few sizes, in front of talc.
//!
//! The standard library's on wasip1 is dlmalloc in C: 9 KB of a module, of which one function alone costs the proxy more
//! memory to compile than anything of ours (docs/adr/0007). talc is a third of that.
//!
//! A request takes a dozen small blocks and gives them back: contexts of the SDK, what the host returns, a key. Those come from
//! lists, one for each multiple of 32 bytes up to 512, in about ten instructions instead of some hundred. What is once on a
//! list stays there, so that the lists hold at most what the module needed at one time.

#![allow(
    unsafe_code,
    reason = "an allocator of WebAssembly memory is only sound where it is the only one"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr;

// SAFETY: a module has one thread, and nothing else in it grows its memory.
#[global_allocator]
static ALLOCATOR: Blocks = Blocks {
    free: [const { Cell::new(ptr::null_mut()) }; CLASSES],
    rest: unsafe { talc::TalckWasm::new_global() },
};

/// Sizes of listed blocks are multiples of this.
const STEP: usize = 32;
const CLASSES: usize = 16;
const ALIGN: usize = 16;

struct Blocks {
    /// The first free block of each size. A free block holds the address of the next.
    free: [Cell<*mut u8>; CLASSES],
    rest: talc::TalckWasm,
}

// SAFETY: a module has one thread.
unsafe impl Sync for Blocks {}

/// The list that a block of this layout belongs to, and the layout of its blocks.
#[inline(always)]
fn class(layout: Layout) -> Option<(usize, Layout)> {
    let class = layout.size().wrapping_sub(1) / STEP;
    if class >= CLASSES || layout.align() > ALIGN {
        return None;
    }
    // SAFETY: the size is at most 512, the alignment a power of two.
    let block = unsafe { Layout::from_size_align_unchecked((class + 1) * STEP, ALIGN) };
    Some((class, block))
}

// SAFETY: a block is either handed out or on exactly one list, and of the size of its list.
unsafe impl GlobalAlloc for Blocks {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((class, block)) = class(layout) else {
            return unsafe { self.rest.alloc(layout) };
        };
        let list = unsafe { self.free.get_unchecked(class) };
        let first = list.get();
        if first.is_null() {
            return unsafe { self.rest.alloc(block) };
        }
        list.set(unsafe { first.cast::<*mut u8>().read() });
        first
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match class(layout) {
            Some((class, _)) => {
                let list = unsafe { self.free.get_unchecked(class) };
                unsafe { block.cast::<*mut u8>().write(list.get()) };
                list.set(block);
            }
            None => unsafe { self.rest.dealloc(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for the new size.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (class(layout), class(wanted)) {
            (None, None) => unsafe { self.rest.realloc(block, layout, size) },
            (Some((old, _)), Some((new, _))) if old == new => block,
            _ => {
                let moved = unsafe { self.alloc(wanted) };
                if !moved.is_null() {
                    unsafe {
                        ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                }
                moved
            }
        }
    }
}
