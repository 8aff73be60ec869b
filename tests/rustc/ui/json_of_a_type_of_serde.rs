//! A type of serde fits a column of the type `jsonb` only in `Json`.

use dsql_edge::sql;
use dsql_edge::types::Json;

struct Venue;

fn main() {
    let venue = Venue;
    let _ = sql!(r#"SELECT venue AS "venue: Venue" FROM bookings"#);
    let _ = sql!(r#"SELECT wishes AS "wishes: Venue" FROM bookings"#);
    let _ = sql!("UPDATE bookings SET venue = $venue WHERE true");
    let _ = sql!("UPDATE bookings SET wishes = $wishes WHERE true", wishes = Some(Venue));

    // A type without serde's traits.
    let _ = sql!(r#"SELECT venue AS "venue: Json<Venue>" FROM bookings"#);
    let _ = sql!("UPDATE bookings SET venue = $other WHERE true", other = Json(Venue));
}
