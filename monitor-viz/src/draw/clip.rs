//! Cutting a curve at the upper and lower edge of the plot, for value axes that do not hold all of the data.

use super::scene::Point;

/// The parts of a path whose y lies between `top` and `bottom` (both included; `top` is the smaller number).
pub(super) fn clip(path: &[Point], top: f64, bottom: f64) -> Vec<Vec<Point>> {
    let inside = |point: &Point| (top..=bottom).contains(&point.1);
    if path.iter().all(inside) {
        return vec![path.to_vec()];
    }
    let mut parts: Vec<Vec<Point>> = Vec::new();
    let mut open = false;
    if let [only] = path {
        return if inside(only) { vec![vec![*only]] } else { parts };
    }
    for pair in path.windows(2) {
        let Some((from, to)) = piece(pair[0], pair[1], top, bottom) else {
            open = false;
            continue;
        };
        match parts.last_mut() {
            Some(part) if open => part.push(to),
            _ => parts.push(vec![from, to]),
        }
        open = inside(&pair[1]);
    }
    parts
}

/// The outline of a band whose edges, `(x, upper y, lower y)`, are held between `top` and `bottom`.
pub(super) fn clip_band(edges: &[(f64, f64, f64)], top: f64, bottom: f64) -> Vec<Point> {
    let upper = edges.iter().map(|(x, upper, _)| (*x, upper.clamp(top, bottom)));
    upper.chain(edges.iter().rev().map(|(x, _, lower)| (*x, lower.clamp(top, bottom)))).collect()
}

/// The part of a straight piece that lies inside.
fn piece(a: Point, b: Point, top: f64, bottom: f64) -> Option<(Point, Point)> {
    if a.1.max(b.1) < top || a.1.min(b.1) > bottom {
        return None;
    }
    let cut = |point: Point| {
        if (top..=bottom).contains(&point.1) {
            return point;
        }
        // The point is outside and the piece is not: so it is not level, and the division is sound.
        let edge = point.1.clamp(top, bottom);
        (a.0 + (b.0 - a.0) * ((edge - a.1) / (b.1 - a.1)), edge)
    };
    Some((cut(a), cut(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_inside_stays_as_it_is() {
        let path = [(0.0, 1.0), (1.0, 5.0), (2.0, 10.0)];
        assert_eq!(clip(&path, 1.0, 10.0), vec![path.to_vec()]);
    }

    #[test]
    fn a_peak_above_the_edge_is_cut_into_two() {
        let path = [(0.0, 5.0), (1.0, -5.0), (2.0, 5.0)];
        assert_eq!(clip(&path, 0.0, 10.0), vec![vec![(0.0, 5.0), (0.5, 0.0)], vec![(1.5, 0.0), (2.0, 5.0)]]);
    }

    #[test]
    fn a_piece_across_the_whole_height_keeps_its_middle() {
        assert_eq!(clip(&[(0.0, -10.0), (3.0, 20.0)], 0.0, 10.0), vec![vec![(1.0, 0.0), (2.0, 10.0)]]);
    }

    #[test]
    fn nothing_inside_gives_nothing() {
        assert!(clip(&[(0.0, -10.0), (3.0, -20.0)], 0.0, 10.0).is_empty());
        assert!(clip(&[(0.0, -10.0)], 0.0, 10.0).is_empty());
    }
}
