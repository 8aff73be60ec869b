//! Bar charts as SVG, for a light and a dark page. Pure: the panels are data.

use std::fmt::Write;

/// Bars that share a scale.
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) bars: Vec<Bar>,
}

/// One bar. A bar without a number shows only its text.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: f64,
    /// The value as it is written at the end of the bar.
    pub(super) text: String,
    pub(super) is_ours: bool,
}

/// The colours of a page.
pub(super) struct Theme {
    pub(super) name: &'static str,
    text: &'static str,
    muted: &'static str,
    ours: &'static str,
    other: &'static str,
}

pub(super) const THEMES: [Theme; 2] = [
    Theme { name: "light", text: "#1f2328", muted: "#59636e", ours: "#0969da", other: "#b6bec8" },
    Theme { name: "dark", text: "#f0f6fc", muted: "#9aa4af", ours: "#4493f8", other: "#59626d" },
];

const WIDTH: usize = 860;
const GAP: usize = 28;
const LABEL: usize = 138;
/// The room for the text at the end of the longest bar.
const TEXT: usize = 56;
const BAR: usize = 14;
const STEP: usize = 20;
const TITLE: usize = 28;

/// Panels in two columns.
pub(super) fn svg(panels: &[Panel], theme: &Theme) -> String {
    let column = (WIDTH - GAP) / 2;
    let mut body = String::new();
    let mut top = 0;
    for row in panels.chunks(2) {
        for (panel, left) in row.iter().zip([0, column + GAP]) {
            draw(&mut body, panel, (left, top, column), theme);
        }
        let bars = row.iter().map(|panel| panel.bars.len()).max().unwrap_or(0);
        top += TITLE + bars * STEP + GAP / 2;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" width=\"{WIDTH}\" height=\"{top}\" \
         font-family=\"system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\" font-size=\"12\">\n{body}</svg>\n"
    )
}

fn draw(out: &mut String, panel: &Panel, (left, top, width): (usize, usize, usize), theme: &Theme) {
    let _ = writeln!(
        out,
        "<text x=\"{left}\" y=\"{}\" font-weight=\"600\" font-size=\"13\" fill=\"{}\">{}</text>",
        top + 16,
        theme.text,
        escaped(&panel.title)
    );
    let finite = panel.bars.iter().map(|bar| bar.value).filter(|value| value.is_finite());
    let most = finite.fold(f64::MIN_POSITIVE, f64::max);
    #[allow(clippy::cast_precision_loss, reason = "pixels")]
    let room = (width - LABEL - TEXT) as f64;
    for (number, bar) in panel.bars.iter().enumerate() {
        let y = top + TITLE + number * STEP;
        let length = if bar.value.is_finite() { (room * bar.value / most).max(1.0) } else { 0.0 };
        let (fill, weight) = if bar.is_ours { (theme.ours, "600") } else { (theme.other, "400") };
        let middle = y + BAR - 3;
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\" font-weight=\"{weight}\" fill=\"{}\">{}</text>",
            left + LABEL - 8,
            if bar.is_ours { theme.text } else { theme.muted },
            escaped(&bar.label)
        );
        let _ = writeln!(
            out,
            "<rect x=\"{}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\" fill=\"{fill}\"/>",
            left + LABEL
        );
        #[allow(clippy::cast_precision_loss, reason = "pixels")]
        let end = (left + LABEL) as f64 + length + 6.0;
        let _ = writeln!(
            out,
            "<text x=\"{end:.1}\" y=\"{middle}\" font-weight=\"{weight}\" fill=\"{}\">{}</text>",
            theme.text,
            escaped(&bar.text)
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_bar_fills_the_room_and_text_is_escaped() {
        let bar = |label: &str, value: f64| Bar {
            label: label.to_owned(),
            value,
            text: value.to_string(),
            is_ours: value < 2.0,
        };
        let panel = Panel {
            title: "a < b".to_owned(),
            bars: vec![bar("one", 1.0), bar("two", 2.0), bar("none", f64::NAN)],
        };
        let drawn = svg(&[panel], &THEMES[0]);
        let room = (WIDTH - GAP) / 2 - LABEL - TEXT;
        assert!(drawn.contains(&format!("width=\"{room}.0\"")), "{drawn}");
        assert!(drawn.contains(&format!("width=\"{:.1}\"", room as f64 / 2.0)), "{drawn}");
        assert!(drawn.contains("a &lt; b") && drawn.contains("width=\"0.0\""), "{drawn}");
    }
}
