//! Pictures as inline SVG: stacked bars, a heat map, a bar in a table. Colours are classes of the page's style sheet, so
//! that they follow light and dark. Numbers and our own words only; every label goes through [`escape`].

use std::fmt::Write as _;

use super::escape::escape;

/// Width of a chart's drawing in SVG units; the page scales it.
const WIDTH: f64 = 760.0;

/// Height of the bars.
const HEIGHT: f64 = 160.0;

/// Room for the axis on the left and for labels below.
const LEFT: f64 = 40.0;
const BELOW: f64 = 20.0;

/// Labels below a chart; more would run into each other.
const LABELS: usize = 8;

/// One bar: its label, and its pieces from the bottom up as class and count.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Shown below the bar and when pointed at.
    pub label: String,
    /// CSS class and count of each piece.
    pub pieces: Vec<(&'static str, u64)>,
}

impl Bar {
    fn total(&self) -> u64 {
        self.pieces.iter().map(|(_, count)| count).sum()
    }
}

/// Bars side by side, each made of stacked pieces; `title` says for a screen reader what they show.
pub fn stacked(title: &str, bars: &[Bar]) -> String {
    let most = nice(bars.iter().map(Bar::total).max().unwrap_or(0));
    let step = (WIDTH - LEFT) / bars.len().max(1) as f64;
    let thick = (step * 0.82).min(60.0);
    let mut svg = begin(title, HEIGHT + BELOW);
    for line in 0..=2_u64 {
        let y = HEIGHT - (HEIGHT - 10.0) * line as f64 / 2.0;
        let (value, text) = (most * line / 2, y + 4.0);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"axis\" x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\">{value}</text>",
            LEFT - 6.0
        );
    }
    let every = bars.len().div_ceil(LABELS).max(1);
    for (index, bar) in bars.iter().enumerate() {
        let middle = LEFT + step * (index as f64 + 0.5);
        let mut y = HEIGHT;
        let words: Vec<String> = bar
            .pieces
            .iter()
            .map(|(class, count)| format!("{class} {count}"))
            .collect();
        let _ = write!(svg, "<g><title>{}: {}</title>", escape(&bar.label), words.join(", "));
        for (class, count) in bar.pieces.iter().filter(|(_, count)| *count > 0) {
            let tall = (HEIGHT - 10.0) * *count as f64 / most as f64;
            y -= tall;
            let x = middle - thick / 2.0;
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{thick:.1}\" height=\"{tall:.1}\"/>"
            );
        }
        svg.push_str("</g>");
        if index % every == 0 {
            let y = HEIGHT + 15.0;
            let _ = write!(
                svg,
                "<text class=\"axis\" x=\"{middle:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>",
                escape(&bar.label)
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Rows of 24 hours, the darker the more.
pub fn heat(title: &str, rows: &[(&str, [u64; 24])]) -> String {
    let most = rows
        .iter()
        .flat_map(|(_, hours)| hours)
        .copied()
        .max()
        .unwrap_or(0)
        .max(1);
    let (cell, tall) = ((WIDTH - LEFT) / 24.0, 22.0);
    let bottom = tall * rows.len() as f64;
    let mut svg = begin(title, bottom + BELOW);
    for (number, (name, hours)) in rows.iter().enumerate() {
        let y = tall * number as f64;
        let text = y + 15.0;
        let _ = write!(
            svg,
            "<text class=\"axis\" x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\">{name}</text>",
            LEFT - 6.0
        );
        for (hour, count) in hours.iter().enumerate() {
            let x = LEFT + cell * hour as f64;
            // The square root: one busy hour must not make all others look empty.
            let shade = if *count == 0 {
                0.05
            } else {
                0.15 + 0.85 * (*count as f64 / most as f64).sqrt()
            };
            let (wide, high) = (cell - 2.0, tall - 2.0);
            let _ = write!(
                svg,
                "<rect class=\"heat\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\" rx=\"2\" \
                 fill-opacity=\"{shade:.2}\"><title>{name} {hour}:00: {count}</title></rect>"
            );
        }
    }
    for hour in (0..24).step_by(3) {
        let (x, y) = (LEFT + cell * (f64::from(hour) + 0.5), bottom + 14.0);
        let _ = write!(
            svg,
            "<text class=\"axis\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{hour}</text>"
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A single bar for a cell of a table, `share` of the full width.
pub fn bar(share: f64) -> String {
    let wide = (share * 200.0).clamp(1.0, 200.0);
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 200 10\" width=\"200\" height=\"10\" aria-hidden=\"true\">\
         <rect class=\"heat\" width=\"{wide:.1}\" height=\"10\" rx=\"2\"/></svg>"
    )
}

fn begin(title: &str, height: f64) -> String {
    let title = escape(title);
    format!("<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">")
}

/// The end of the axis: the next number that halves well.
fn nice(most: u64) -> u64 {
    let mut scale: u64 = 1;
    loop {
        for step in [2, 4, 6, 10] {
            if most <= step * scale {
                return step * scale;
            }
        }
        if scale > u64::MAX / 100 {
            return most;
        }
        scale *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_number() {
        for (most, end) in [
            (0, 2),
            (3, 4),
            (7, 10),
            (11, 20),
            (41, 60),
            (100, 100),
            (101, 200),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(nice(most), end, "{most}");
        }
    }

    #[test]
    fn pieces_fill_the_height_they_stand_for() {
        let bar = Bar {
            label: "18 <Nov>".to_owned(),
            pieces: vec![("top", 5), ("news", 0), ("bulk", 5)],
        };
        let svg = stacked("Arrivals", &[bar]);
        assert_eq!(svg.matches("height=\"75.0\"").count(), 2, "{svg}");
        assert!(svg.contains("18 &lt;Nov&gt;: top 5, news 0, bulk 5"));
        assert!(!stacked("nothing", &[]).contains("NaN"));
    }
}
