//! A type of serde fits a column of the type `jsonb` only in `Json`.

use dsql_edge::sql;

struct Venue;

fn main() {
    let venue = Venue;
    let _ = sql!(r#"SELECT venue AS "venue: Venue" FROM bookings"#);
    let _ = sql!(r#"SELECT wishes AS "wishes: Venue" FROM bookings"#);
    let _ = sql!("UPDATE bookings SET venue = $venue WHERE true");
    let _ = sql!("UPDATE bookings SET wishes = $wishes WHERE true", wishes = Some(Venue));
}
