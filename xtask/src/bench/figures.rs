//! Figures as they are measured, for people or as JSON lines. It computes nothing.

/// Where the figures of one benchmark go: standard output.
pub(super) struct Figures {
    bench: &'static str,
    json: bool,
}

impl Figures {
    pub(super) fn new(bench: &'static str, json: bool) -> Self {
        Self { bench, json }
    }

    /// A headline, for people alone.
    pub(super) fn title(&self, text: &str) {
        if !self.json {
            println!("\n{text}");
        }
    }

    /// One figure, with what it should reach at most, if the project has set itself a mark.
    pub(super) fn figure(&self, case: &str, value: f64, unit: &str, at_most: Option<f64>) {
        if self.json {
            let (bench, case, unit) =
                (serde_json::json!(self.bench), serde_json::json!(case), serde_json::json!(unit));
            println!("{{\"bench\":{bench},\"case\":{case},\"value\":{value:.4},\"unit\":{unit}}}");
            return;
        }
        let mark = match at_most {
            Some(most) if value <= most => format!("   reached: at most {most:.2}"),
            Some(most) => format!("   MISSED: at most {most:.2}"),
            None => String::new(),
        };
        println!("{case:<66}{value:>10.3} {unit}{mark}");
    }
}
