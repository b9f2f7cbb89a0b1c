//! C2SP tlog-tiles: static files of 256 hashes, so that anybody can mirror and check the log.

use core::fmt;
use core::str::FromStr;

use super::tree::NodeIndex;

/// Levels of the tree in one tile.
pub const TILE_HEIGHT: u8 = 8;
/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// Highest level of tiles that a path may name (C2SP tlog-tiles).
const MAX_LEVEL: u8 = 63;

/// A path that names no tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no path of a tile such as tile/0/x001/234.p/5")]
pub struct TileError;

/// Which tile: hashes of one level, or entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileCoordinate {
    /// Level of tiles from 0; none for bundles of entries.
    pub level: Option<u8>,
    /// Number of the tile in its level.
    pub index: u64,
    /// Number of hashes or entries: 256, or fewer at the right edge.
    pub width: u16,
}

impl TileCoordinate {
    /// The tile that holds the hash of a complete subtree at the lowest level of its hashes, if one does: only every
    /// eighth level is stored.
    pub fn holding(node: NodeIndex) -> Option<(u8, u64, u8)> {
        let (level, index) = node;
        if level % TILE_HEIGHT != 0 {
            return None;
        }
        let place = u8::try_from(index & 0xff).ok()?;
        Some((level / TILE_HEIGHT, index >> TILE_HEIGHT, place))
    }

    /// Every tile that a tree of `size` leaves has, entries included, full ones and the partial right edge.
    pub fn all(size: u64) -> Vec<Self> {
        let mut tiles = Vec::new();
        let mut level = 0_u8;
        let mut count = size;
        while count > 0 {
            for index in 0..=(count.saturating_sub(1) >> TILE_HEIGHT) {
                let rest = count.saturating_sub(index << TILE_HEIGHT);
                let width = u16::try_from(rest.min(u64::from(TILE_WIDTH))).unwrap_or(TILE_WIDTH);
                tiles.push(Self {
                    level: Some(level),
                    index,
                    width,
                });
                if level == 0 {
                    tiles.push(Self {
                        level: None,
                        index,
                        width,
                    });
                }
            }
            count >>= TILE_HEIGHT;
            level = level.saturating_add(1);
        }
        tiles
    }
}

impl fmt::Display for TileCoordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl FromStr for TileCoordinate {
    type Err = TileError;
    fn from_str(text: &str) -> Result<Self, TileError> {
        if text.len() > 64 {
            return Err(TileError);
        }
        let rest = text.strip_prefix("tile/").ok_or(TileError)?;
        let (level, rest) = rest.split_once('/').ok_or(TileError)?;
        let level = match level {
            "entries" => None,
            level => Some(
                level
                    .parse()
                    .ok()
                    .filter(|level| *level <= MAX_LEVEL)
                    .ok_or(TileError)?,
            ),
        };
        let (path, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH),
            Some((path, width)) => (path, width.parse().map_err(|_| TileError)?),
        };
        let mut index = 0_u64;
        for group in path.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            if digits.len() != 3 {
                return Err(TileError);
            }
            let number: u64 = digits.parse().map_err(|_| TileError)?;
            index = index
                .checked_mul(1000)
                .and_then(|index| index.checked_add(number))
                .ok_or(TileError)?;
        }
        let coordinate = Self {
            level,
            index,
            width,
        };
        // One spelling each: signs, missing groups and widths of 0 or 256 fall here.
        if width == 0 || coordinate.to_string() != text {
            return Err(TileError);
        }
        Ok(coordinate)
    }
}

/// The entries of one bundle: each with its length in two bytes, big-endian.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryBundle(pub Vec<Vec<u8>>);

impl EntryBundle {
    /// The bytes of the bundle; none if an entry is longer than 65,535 bytes.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for entry in &self.0 {
            bytes.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        Some(bytes)
    }

    /// Reads a bundle. *Errors*: [`TileError`] for a cut entry or more than 256.
    pub fn parse(mut bytes: &[u8]) -> Result<Self, TileError> {
        let mut entries = Vec::new();
        while let [high, low, rest @ ..] = bytes {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let (entry, rest) = rest.split_at_checked(length).ok_or(TileError)?;
            entries.push(entry.to_vec());
            bytes = rest;
        }
        if !bytes.is_empty() || entries.len() > usize::from(TILE_WIDTH) {
            return Err(TileError);
        }
        Ok(Self(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        for (path, level, index, width) in [
            ("tile/0/000", Some(0), 0, 256),
            ("tile/0/x001/x234/067", Some(0), 1_234_067, 256),
            ("tile/1/067.p/8", Some(1), 67, 8),
            ("tile/entries/x001/234", None, 1234, 256),
        ] {
            let tile = TileCoordinate {
                level,
                index,
                width,
            };
            assert_eq!(tile.to_string(), path);
            assert_eq!(path.parse(), Ok(tile));
        }
        for bad in [
            "tile/0/0",
            "tile/0/x000/001",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/../001",
            "tile/0/+01",
            "tile//001",
            "tile/64/001",
            "tile/01/001",
            "tile/256/001",
            "",
        ] {
            assert_eq!(bad.parse::<TileCoordinate>(), Err(TileError), "{bad}");
        }
    }

    #[test]
    fn a_tree_has_the_tiles_it_needs() {
        let tiles = TileCoordinate::all(70_000);
        let text: Vec<_> = tiles.iter().map(ToString::to_string).collect();
        assert!(text.contains(&"tile/0/273.p/112".to_owned()));
        assert!(text.contains(&"tile/1/001.p/17".to_owned()));
        assert!(text.contains(&"tile/2/000.p/1".to_owned()));
        assert_eq!(TileCoordinate::all(0), []);
    }

    #[test]
    fn bundles_read_as_they_were_written_and_cut_ones_are_refused() {
        let bundle = EntryBundle(vec![vec![1; 68], vec![], vec![2; 3]]);
        let bytes = bundle.to_bytes().expect("short entries");
        assert_eq!(EntryBundle::parse(&bytes), Ok(bundle));
        assert_eq!(
            EntryBundle::parse(&bytes[..bytes.len() - 1]),
            Err(TileError)
        );
        assert_eq!(EntryBundle::parse(&[0]), Err(TileError));
    }
}
