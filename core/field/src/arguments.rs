//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Court enforcement in the field, from the command line: case files offline, evidence that stands in court, and
/// everything reaches the court by itself when there is a connection.
#[derive(Parser)]
#[command(name = "zhixing-field", version, about, after_help = crate::exit::HELP)]
pub struct Arguments {
    /// Folder of this device.
    #[arg(
        long,
        global = true,
        env = "ZHIXING_FIELD",
        default_value = "zhixing-field-data"
    )]
    pub folder: PathBuf,
    /// Print one JSON value instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// All commands.
#[derive(Subcommand)]
pub enum Command {
    /// Enrol this device with the ticket from the console.
    Enrol {
        /// `zx1:…`, or a file that holds it.
        ticket: String,
        /// What to call this device.
        #[arg(long, default_value = "laptop")]
        label: String,
    },
    /// List the cases on this device.
    Cases,
    /// Show a case: parties, documents, notes, evidence, and what is still on the way.
    Show {
        /// Case number or id.
        case: String,
    },
    /// Find words in all case files; two characters are enough.
    Search {
        /// What to look for.
        words: String,
    },
    /// Get a document of a case; without a connection the copy on this device.
    Document {
        /// Case number or id.
        case: String,
        /// Document id from `show`.
        document: String,
        /// Where to put it.
        #[arg(long, short)]
        output: PathBuf,
    },
    /// Capture evidence: bytes of a camera or microphone as they come. Several files are the segments of one recording.
    Capture {
        /// Files, or `-` for standard input.
        #[arg(required = true)]
        inputs: Vec<PathBuf>,
        /// Case number or id; without one it is assigned later.
        #[arg(long)]
        case: Option<String>,
        /// What it is.
        #[arg(long, value_enum, default_value = "photo")]
        kind: Kind,
        /// A few words about it.
        #[arg(long)]
        text: Option<String>,
    },
    /// Take in a file from elsewhere; it is labelled as imported.
    Import {
        /// Files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Case number or id.
        #[arg(long)]
        case: Option<String>,
        /// Where it comes from.
        #[arg(long, value_enum, default_value = "recorder")]
        source: Source,
    },
    /// Put items that were captured without a case into one.
    Assign {
        /// Case number or id.
        case: String,
        /// Item ids.
        #[arg(required = true)]
        items: Vec<String>,
    },
    /// Write a note into a case.
    Note {
        /// Case number or id.
        case: String,
        /// The text.
        text: String,
    },
    /// Send and receive everything that can be sent and received now.
    Sync {
        /// How many seconds to wait for receipts and proofs.
        #[arg(long, default_value_t = 10)]
        wait: u32,
    },
    /// What is on the way, what the court holds, and what needs a person.
    Status,
    /// Every item with digest, receipt and proof.
    Receipts,
    /// Try an item that was set aside again.
    Retry {
        /// Item id from `status`.
        item: String,
    },
    /// Delete originals that the court verifiably holds.
    Free,
    /// Write everything this device can prove about a case into a folder of plain files.
    Export {
        /// Case number or id.
        case: String,
        /// An empty or new folder.
        to: PathBuf,
    },
    /// Check such a folder without any connection.
    Verify {
        /// The folder.
        from: PathBuf,
        /// File with the fingerprint of the court's root key, as the court published it, or that key in PEM.
        #[arg(long)]
        trust: PathBuf,
    },
    /// Run vector files, also somebody else's, and say which answers differ.
    Vectors {
        /// JSON files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Close the case files on this device. Captures and uploads go on.
    Lock,
    /// Open the case files again.
    Unlock,
    /// Look whether this device's data are whole.
    Doctor,
}

/// What a capture is.
#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    /// A still picture.
    Photo,
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
}

/// Where an import comes from.
#[derive(Clone, Copy, ValueEnum)]
pub enum Source {
    /// A body-worn recorder or its dock.
    Recorder,
    /// A phone's gallery.
    Gallery,
    /// Any other file.
    File,
}
