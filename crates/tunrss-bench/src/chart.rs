//! Charts of a record, as SVG: bars for comparisons, lines for what grows.
//!
//! They have no background and two sets of colours, so that they can be read on light and on dark
//! pages.

use std::fmt::Write;

use crate::machine::slug;
use crate::record::{Machine, Measured, Record, Section};
use crate::table::number;

/// A chart as a file.
#[derive(PartialEq, Debug)]
pub(crate) struct Chart {
    /// "steering.svg"
    pub(crate) file: String,
    pub(crate) svg: String,
}

/// The charts of all sections: one of what has no size, one of each case whose size varies.
pub(crate) fn charts(record: &Record) -> Vec<Chart> {
    let mut charts = vec![];
    for section in &record.sections {
        let (lines, bars): (Vec<_>, Vec<_>) =
            section.measured.iter().partition(|measured| measured.x.is_some());
        if !bars.is_empty() {
            let file = format!("{}.svg", section.name);
            charts.push(Chart { file, svg: bar_chart(record, section, &bars) });
        }
        for case in distinct(lines.iter().map(|measured| measured.case.as_str())) {
            let of_case: Vec<_> =
                lines.iter().copied().filter(|measured| measured.case == case).collect();
            let file = format!("{}-{}.svg", section.name, slug(case));
            charts.push(Chart { file, svg: line_chart(record, section, case, &of_case) });
        }
    }
    charts
}

/// Bars from left to right, by case. The thin line is what lies between the quartiles.
fn bar_chart(record: &Record, section: &Section, bars: &[&Measured]) -> String {
    let most = bars.iter().map(|measured| measured.value.high).fold(f64::MIN_POSITIVE, f64::max);
    let scale = |value: f64| BAR_WIDTH * (value / most).clamp(0.0, 1.0);
    let legend = format!("{}: medians, and what lies between the quartiles", section.unit);
    let mut drawing = Drawing::new(&section.title, &legend);
    let mut case = "";
    for Measured { case: own, contender, value, .. } in bars {
        if own != case {
            case = own;
            drawing.y += 10.0;
            drawing.text(MARGIN, "case", case);
            drawing.y += 19.0;
        }
        let (top, middle) = (drawing.y - 11.0, drawing.y - 4.5);
        drawing.text(MARGIN + 12.0, "label", contender);
        drawing.element(format_args!(
            "<rect class=\"{}\" x=\"{BAR_LEFT}\" y=\"{top}\" width=\"{:.1}\" height=\"13\"/>",
            if contender.starts_with(OURS) { "ours" } else { "theirs" },
            scale(value.median),
        ));
        let [low, high] = [value.low, value.high].map(|value| BAR_LEFT + scale(value));
        drawing
            .element(format_args!("<path class=\"spread\" d=\"M{low:.1} {middle}H{high:.1}\"/>"));
        drawing.text(high + 6.0, "label", &number(value.median));
        drawing.y += 18.0;
    }
    drawing.finish(record)
}

/// A line for each contender over the sizes, which stand at the distances of their logarithms.
fn line_chart(record: &Record, section: &Section, case: &str, points: &[&Measured]) -> String {
    let mut sizes: Vec<f64> = points.iter().filter_map(|measured| measured.x).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let most = points.iter().map(|measured| measured.value.high).fold(f64::MIN_POSITIVE, f64::max);
    let step = nice_step(most);
    let steps = (most / step).ceil();
    let log = |size: f64| size.max(1.0).log2();
    let first = sizes.first().copied().map_or(0.0, log);
    let span = (sizes.last().copied().map_or(1.0, log) - first).max(1.0);
    let x =
        |size: f64| PLOT_LEFT + (WIDTH - PLOT_LEFT - MARGIN - 10.0) * (log(size) - first) / span;

    let mut drawing = Drawing::new(&format!("{}: {case}", section.title), &section.unit);
    let contenders = distinct(points.iter().map(|measured| measured.contender.as_str()));
    for (index, contender) in contenders.iter().enumerate() {
        let (top, series) = (drawing.y - 9.0, index % SERIES);
        drawing.element(format_args!(
            "<rect class=\"fill{series}\" x=\"{MARGIN}\" y=\"{top}\" width=\"10\" height=\"10\"/>"
        ));
        drawing.text(MARGIN + 16.0, "label", contender);
        drawing.y += 17.0;
    }
    let bottom = drawing.y + PLOT_HEIGHT;
    let y = |value: f64| bottom - PLOT_HEIGHT * value / (step * steps);
    for tick in 0..=steps as u32 {
        let value = f64::from(tick) * step;
        let at = y(value);
        drawing.element(format_args!(
            "<path class=\"grid\" d=\"M{PLOT_LEFT} {at:.1}H{}\"/>",
            WIDTH - MARGIN
        ));
        drawing.y = at + 4.0;
        drawing.text_end(PLOT_LEFT - 6.0, &plain(value));
    }
    drawing.y = bottom + 17.0;
    let mut free = f64::MIN;
    for &size in &sizes {
        let label = short(size);
        let half = 3.5 * label.len() as f64;
        // Labels that would stand on one another are left out.
        if x(size) - half > free {
            drawing.text_middle(x(size), &label);
            free = x(size) + half + 4.0;
        }
    }
    drawing.y += 18.0;
    drawing.text_middle(PLOT_LEFT.midpoint(WIDTH - MARGIN), case);
    drawing.y += 12.0;
    for (index, contender) in contenders.iter().enumerate() {
        let series = index % SERIES;
        let own = points.iter().filter(|measured| measured.contender == *contender);
        let places: Vec<_> =
            own.filter_map(|measured| Some((x(measured.x?), y(measured.value.median)))).collect();
        let line: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        drawing.element(format_args!(
            "<polyline class=\"line{series}\" points=\"{}\"/>",
            line.join(" ")
        ));
        for (x, y) in places {
            drawing.element(format_args!(
                "<circle class=\"fill{series}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"
            ));
        }
    }
    drawing.finish(record)
}

/// An SVG that is written from top to bottom.
struct Drawing {
    body: String,
    /// The base line of the next text.
    y: f64,
}

impl Drawing {
    fn new(title: &str, unit: &str) -> Self {
        let mut drawing = Self { body: String::new(), y: 24.0 };
        drawing.text(MARGIN, "title", title);
        drawing.y += 18.0;
        drawing.text(MARGIN, "caption", unit);
        drawing.y += 22.0;
        drawing
    }

    fn element(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = writeln!(self.body, "{element}");
    }

    fn text(&mut self, x: f64, class: &str, text: &str) {
        let (y, text) = (self.y, escaped(text));
        self.element(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        ));
    }

    fn text_end(&mut self, x: f64, text: &str) {
        let (y, text) = (self.y, escaped(text));
        self.element(format_args!(
            "<text class=\"label\" text-anchor=\"end\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        ));
    }

    fn text_middle(&mut self, x: f64, text: &str) {
        let (y, text) = (self.y, escaped(text));
        self.element(format_args!(
            "<text class=\"label\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        ));
    }

    /// The SVG, with a last line on where it was measured.
    fn finish(mut self, record: &Record) -> String {
        let Machine { cpu, cpus, kernel, virtual_machine, .. } = &record.machine;
        let kind = if *virtual_machine { ", virtual machine" } else { "" };
        let commit = &record.commit;
        self.y += 14.0;
        let place = format!("{cpu}, {cpus} CPUs{kind}; Linux {kernel}; commit {commit}");
        self.text(MARGIN, "caption", &place);
        let height = self.y + 12.0;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\">\n{STYLE}{}</svg>\n",
            self.body
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Each once, in the order in which they come.
fn distinct<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = vec![];
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// A step of 1, 2 or 5 times a power of ten that divides `most` into at most five.
fn nice_step(most: f64) -> f64 {
    let power = 10_f64.powf((most / 5.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    steps.into_iter().find(|step| most / step <= 5.0).unwrap_or(most)
}

/// A round number, without the zeros at its end that say how exact it is.
fn plain(value: f64) -> String {
    let text = number(value);
    if text.contains('.') { text.trim_end_matches('0').to_owned() } else { text }
}

/// A size in few characters: 512, 64k, 1M.
fn short(size: f64) -> String {
    for (unit, name) in [(1e6, "M"), (1_048_576.0, "Mi"), (1e3, "k"), (1_024.0, "Ki")] {
        if size >= unit && size % unit == 0.0 {
            return format!("{}{name}", size / unit);
        }
    }
    number(size)
}

const OURS: &str = "tunrss";
const WIDTH: f64 = 760.0;
const MARGIN: f64 = 16.0;
const BAR_LEFT: f64 = 230.0;
const BAR_WIDTH: f64 = 450.0;
const PLOT_LEFT: f64 = 70.0;
const PLOT_HEIGHT: f64 = 240.0;

/// How many colours lines have.
const SERIES: usize = 6;

const STYLE: &str = "\
<style>
text { font: 12px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.case { font-weight: 600 }
.caption { fill: #59636e }
.ours { fill: #0969da }
.theirs { fill: #afb8c1 }
.spread { stroke: #1f2328; stroke-width: 1.2 }
.grid { stroke: #8b949e; stroke-opacity: .35 }
polyline { fill: none; stroke-width: 2 }
.fill0 { fill: #0969da } .line0 { stroke: #0969da }
.fill1 { fill: #bc4c00 } .line1 { stroke: #bc4c00 }
.fill2 { fill: #1a7f37 } .line2 { stroke: #1a7f37 }
.fill3 { fill: #8250df } .line3 { stroke: #8250df }
.fill4 { fill: #bf3989 } .line4 { stroke: #bf3989 }
.fill5 { fill: #6e7781 } .line5 { stroke: #6e7781 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.caption { fill: #9198a1 }
.ours { fill: #4493f8 }
.theirs { fill: #59636e }
.spread { stroke: #e6edf3 }
.fill0 { fill: #4493f8 } .line0 { stroke: #4493f8 }
.fill1 { fill: #f0883e } .line1 { stroke: #f0883e }
.fill2 { fill: #3fb950 } .line2 { stroke: #3fb950 }
.fill3 { fill: #ab7df8 } .line3 { stroke: #ab7df8 }
.fill4 { fill: #db61a2 } .line4 { stroke: #db61a2 }
.fill5 { fill: #9198a1 } .line5 { stroke: #9198a1 }
}
</style>
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::record::Spread;

    fn measured(case: &str, contender: &str, x: Option<f64>, median: f64) -> Measured {
        let value = Spread { low: 0.9 * median, median, high: 1.1 * median };
        Measured { case: case.to_owned(), contender: contender.to_owned(), x, value }
    }

    fn record(measured: Vec<Measured>) -> Record {
        let section = Section { name: "subject".to_owned(), measured, ..Section::default() };
        Record::of(vec![section], "0123456789ab".to_owned(), 0, false)
    }

    #[test]
    fn bars_and_lines_have_files_of_their_own() {
        let record = record(vec![
            measured("IPv4 & <more>", "tunrss", None, 10.0),
            measured("IPv4 & <more>", "theirs", None, 20.0),
            measured("table entries", "tunrss", Some(2.0), 1.0),
            measured("table entries", "tunrss", Some(65_536.0), 1.0),
        ]);
        let charts = charts(&record);
        let files: Vec<_> = charts.iter().map(|chart| chart.file.as_str()).collect();
        assert_eq!(files, ["subject.svg", "subject-table-entries.svg"]);
        let bars = &charts[0].svg;
        assert!(bars.contains("IPv4 &amp; &lt;more&gt;") && bars.contains("0123456789ab"));
        // Half as long: 20 at its upper quartile, 22, is as wide as can be.
        assert!(bars.contains("class=\"ours\" x=\"230\" y=\"82\" width=\"204.5\""), "{bars}");
        assert!(bars.contains("class=\"theirs\" x=\"230\" y=\"100\" width=\"409.1\""), "{bars}");
        let lines = &charts[1].svg;
        assert!(lines.contains("points=\"70.0,") && lines.contains(">64Ki<"), "{lines}");
    }

    #[test]
    fn axes_have_few_round_steps() {
        assert_eq!([0.5, 1.5, 200.0].map(plain), ["0.5", "1.5", "200"]);
        for (most, step) in [(4.4, 1.0), (5.1, 2.0), (97.0, 20.0), (0.03, 0.01)] {
            assert!((nice_step(most) - step).abs() < 1e-9, "{most}: {}", nice_step(most));
        }
    }

    /// The charts in the repository are those of its newest record.
    #[test]
    fn charts_are_up_to_date() {
        let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench-record");
        let newest = Record::newest(&records).unwrap();
        let drawn = newest.map_or(vec![], |record| charts(&record));
        let drawn: BTreeMap<_, _> =
            drawn.into_iter().map(|chart| (chart.file, chart.svg)).collect();
        let mut kept = BTreeMap::new();
        if let Ok(folder) = fs::read_dir(records.join("charts")) {
            for entry in folder {
                let entry = entry.unwrap();
                let file = entry.file_name().into_string().unwrap();
                kept.insert(file, fs::read_to_string(entry.path()).unwrap());
            }
        }
        assert!(
            drawn == kept,
            "bench-record/charts has {:?}, the newest record yields {:?}, or others of these names; \
             mend it: cargo xtask bench --charts",
            kept.keys(),
            drawn.keys()
        );
    }
}
