//! What finds room where, by the size of the terminal alone: so it does not jump as numbers come and go.

/// Columns of the table beside the name, in the order in which they stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Calls,
    Rate,
    Failed,
    P50,
    P95,
    P99,
    Tokens,
    Cost,
}

impl Column {
    const IN_ORDER: [Self; 8] =
        [Self::Calls, Self::Rate, Self::Failed, Self::P50, Self::P95, Self::P99, Self::Tokens, Self::Cost];
    /// The ones that are done without last come first.
    const BY_NEED: [Self; 8] =
        [Self::Calls, Self::Failed, Self::P50, Self::P99, Self::Cost, Self::Tokens, Self::P95, Self::Rate];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Rate => "rate",
            Self::Failed => "failed",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
        }
    }

    /// Characters of its widest number, and a gap before it.
    pub(super) const fn width(self) -> u16 {
        match self {
            Self::Calls | Self::Cost => 9,
            Self::Failed | Self::P50 | Self::P95 | Self::P99 => 8,
            Self::Rate | Self::Tokens => 10,
        }
    }
}

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) name: u16,
    pub(super) shown: Vec<Column>,
    /// Of the trend; 0 if there is no room for one.
    pub(super) trend: u16,
}

/// Before the trend.
pub(super) const GAP: u16 = 2;
const LONGEST_NAME: u16 = 40;
const SHORTEST_TREND: u16 = 12;
const LONGEST_TREND: u16 = 60;

impl Columns {
    pub(super) fn of(width: u16) -> Self {
        let mut name = (width * 3 / 10).clamp(8, 24).min(width);
        let mut left = width - name;
        let mut wanted = Vec::new();
        for column in Column::BY_NEED {
            if left < column.width() {
                break;
            }
            left -= column.width();
            wanted.push(column);
        }
        let mut trend = 0;
        if left >= SHORTEST_TREND + GAP {
            trend = (left - GAP).min(LONGEST_TREND);
            if trend > 2 * SHORTEST_TREND {
                trend -= (LONGEST_NAME - name).min(trend - 2 * SHORTEST_TREND);
            }
            left -= trend + GAP;
        }
        name += left.min(LONGEST_NAME.saturating_sub(name));
        let shown = Column::IN_ORDER.into_iter().filter(|column| wanted.contains(column)).collect();
        Self { name, shown, trend }
    }
}

/// From so many columns on there are panels beside the table.
const WIDE: u16 = 110;
/// Numbers stand in tiles if there are so many columns and rows.
const TILED: (u16, u16) = (60, 16);
/// Tiles of numbers.
pub(super) const TILES: u16 = 5;
/// Between tiles, and between the table and what stands beside it.
pub(super) const BETWEEN: u16 = 2;

/// The columns of the panels beside the table; 0 if there are none.
pub(super) fn beside(columns: u16) -> u16 {
    if columns >= WIDE { (columns / 4).clamp(32, 48) } else { 0 }
}

/// Whether numbers stand in tiles, rather than in lines.
pub(super) fn tiled(columns: u16, rows: u16) -> bool {
    columns >= TILED.0 && rows >= TILED.1
}

/// The columns of a tile.
pub(super) fn tile(columns: u16) -> u16 {
    (columns.saturating_sub(2) + BETWEEN) / TILES - BETWEEN.min(columns / TILES)
}

/// The columns of the table.
pub(super) fn table(columns: u16) -> u16 {
    let inner = columns.saturating_sub(2);
    match beside(columns) {
        0 => inner,
        beside => inner - beside - BETWEEN,
    }
}

/// Steps of the trends of all calls, and of those of a row, that a terminal of so many columns has room for.
pub(in crate::top) fn trends(columns: u16) -> (u16, u16) {
    let whole = if columns >= TILED.0 { tile(columns) } else { 0 };
    (whole, Columns::of(table(columns)).trend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_never_take_more_than_there_is() {
        for width in 0..400 {
            let columns = Columns::of(width);
            let gap = if columns.trend > 0 { GAP } else { 0 };
            let numbers: u16 = columns.shown.iter().map(|column| column.width()).sum();
            assert!(columns.name + numbers + columns.trend + gap <= width, "{width}: {columns:?}");
            assert!(TILES * tile(width) + (TILES - 1) * BETWEEN <= width.max(8), "{width}");
        }
        assert_eq!(Columns::of(78).shown.len(), 6);
        assert_eq!(Columns::of(150).shown.len(), 8);
    }
}
