//! The location hint of a Durable Object near an AWS Region.

/// Returns the location hint that covers a Region. Cloudflare lists the hints:
/// <https://developers.cloudflare.com/durable-objects/reference/data-location/>. North America has two hints, `enam`
/// for the east and `wnam` for the west.
pub(super) fn near(region: &str) -> &'static str {
    const HINTS: [(&str, &str); 14] = [
        ("us-west-", "wnam"),
        ("us-", "enam"),
        ("ca-west-", "wnam"),
        ("ca-", "enam"),
        ("mx-", "wnam"),
        ("sa-", "sam"),
        ("eu-", "weur"),
        ("af-", "afr"),
        ("me-", "me"),
        ("il-", "me"),
        ("ap-southeast-2", "oc"),
        ("ap-southeast-4", "oc"),
        ("ap-southeast-6", "oc"),
        ("ap-", "apac"),
    ];
    HINTS.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("enam", |(_, hint)| hint)
}
