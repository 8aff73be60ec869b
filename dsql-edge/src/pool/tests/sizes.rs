//! Frames of every size are forwarded, with streams that deliver pieces of any size.

use super::{Client, World, ask, asking, flight};

const SIZES: [usize; 13] =
    [1, 4095, 4096, 4097, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 131_072, 200_000, 1 << 20];

/// The sizes of the pieces of workerd's streams: 4, 16 and 64 KiB, and whole writes.
const PIECES: [usize; 4] = [4096, 16_384, 65_536, usize::MAX];

#[test]
fn frames_of_every_size_pass_on_fresh_and_reused_connections() {
    for piece in PIECES {
        for open in [false, true] {
            for size in SIZES {
                let world = World::of(piece);
                let pool = world.pool();
                for lease in ["fresh", "reused", "reused again"] {
                    let answered = world.finish(passes(world.client(&pool), open, size));
                    assert!(answered.is_some(), "{size} bytes hang: pieces of {piece}, open {open}, {lease}");
                    assert_eq!(world.connections(), 1);
                }
            }
        }
    }
}

/// In one flight, sends the server a frame of `size` bytes and receives a frame of `size` bytes. If `open`, the flight
/// is the second flight of the lease; otherwise, it is the first.
async fn passes(mut client: Client, open: bool, size: usize) {
    let flight_of_size = flight(&[&"x".repeat(size), &format!("DOWN {size}")]);
    let first = if open { flight(&["BEGIN"]) } else { flight_of_size.clone() };
    let (mut tags, mut longest) = client.exchange([asking(&ask(open)), first].concat(), b'Z').await;
    if open {
        assert_eq!(tags, "lCZ");
        (tags, longest) = client.exchange(flight_of_size, b'Z').await;
        tags.insert(0, 'l');
    }
    // CommandComplete has ten bytes.
    assert_eq!((tags.as_str(), longest), ("lCDCZ", (size + 5).max(10)));
}
