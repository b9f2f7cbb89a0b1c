//! The commands of an act on site.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{DocumentId, PartyId, SubjectId};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::time::Date;

/// Which act: the only open one of the case if nothing is said.
#[derive(Args)]
pub struct Which {
    /// Case number or id.
    pub case: String,
    /// Act id, or its end as `act list` shows it; the only open act of the case if missing.
    #[arg(long)]
    pub act: Option<String>,
}

/// What is done with an act on site. Persons and lines are given by their number in `act show`.
#[derive(Subcommand)]
pub enum ActCommand {
    /// What each kind of act asks for, and the law behind it.
    Kinds {
        /// One kind, such as seal.
        kind: Option<String>,
    },
    /// Begin an act. Next: `act show`.
    Start {
        /// Case number or id.
        case: String,
        /// inquiry, inspection, seal, seizure, search, eviction, delivery, leave_service, compelled_attendance, detention, cash or home_visit.
        kind: String,
        /// Where.
        #[arg(long)]
        place: Option<String>,
        /// Why.
        #[arg(long)]
        cause: Option<String>,
        /// What the prompt is about that asks for it: an id from `prompts`.
        #[arg(long)]
        about: Option<SubjectId>,
        /// The party it is directed at.
        #[arg(long)]
        party: Option<PartyId>,
        /// When; now if missing.
        #[arg(long)]
        at: Option<Moment>,
    },
    /// List acts, of one case or of all.
    List {
        /// Case number or id.
        case: Option<String>,
    },
    /// Show an act: what is next, what is missing and why, its clocks, and what is done.
    Show {
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// Enter a person who is there or was told.
    Present {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// What the person is, such as officer or adult_family; several with commas.
        #[arg(long, value_delimiter = ',', required = true)]
        role: Vec<String>,
        /// Name.
        #[arg(long)]
        name: String,
        /// Number of the work card.
        #[arg(long)]
        badge: Option<String>,
        /// Number of the identity card.
        #[arg(long)]
        id_number: Option<String>,
        /// attended, told, declined or unreachable.
        #[arg(long, default_value = "attended")]
        presence: String,
        /// A woman.
        #[arg(long)]
        woman: bool,
        /// How the person was told, or anything else.
        #[arg(long)]
        text: Option<String>,
        /// Number of the person whose entry this corrects.
        #[arg(long)]
        number: Option<usize>,
    },
    /// A paper was shown, such as work_id, ruling or search_warrant.
    Shown {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// The paper.
        #[arg(long)]
        paper: String,
        /// If it is a document of the case.
        #[arg(long)]
        document: Option<DocumentId>,
        /// Its number.
        #[arg(long)]
        text: Option<String>,
    },
    /// A recorder runs.
    Recorder {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Number of the recorder.
        #[arg(long)]
        number: String,
    },
    /// Words of the record: question, answer, course, findings, next_step and others.
    Note {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// The topic.
        #[arg(long)]
        topic: String,
        /// The words; the draft of this topic if missing.
        text: Option<String>,
        /// Who said it.
        #[arg(long)]
        person: Option<String>,
    },
    /// Answer a question, such as rights_told=true, amount_fen=500000 or brought_in=true.
    Set {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// NAME=VALUE.
        answer: String,
        /// Words with it.
        #[arg(long)]
        text: Option<String>,
        /// When it happened; now if missing.
        #[arg(long)]
        at: Option<Moment>,
    },
    /// Write a line of the inventory.
    Line {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// What it is.
        #[arg(long)]
        name: String,
        /// Brand or model.
        #[arg(long)]
        model: Option<String>,
        /// Serial or engine number.
        #[arg(long)]
        serial: Option<String>,
        /// Where it is.
        #[arg(long)]
        place: Option<String>,
        /// Number of the seal on it.
        #[arg(long)]
        seal: Option<String>,
        /// Remark.
        #[arg(long)]
        text: Option<String>,
        /// How much, such as 3 or 12.5.
        #[arg(long, default_value = "1")]
        quantity: String,
        /// piece, machine, vehicle, set, head, box, site, copy, kilogram, tonne, metre, square_metre, mu or yuan.
        #[arg(long, default_value = "piece")]
        unit: String,
        /// new, good, used, worn, damaged or unknown.
        #[arg(long, default_value = "unknown")]
        condition: String,
        /// Estimated value in yuan.
        #[arg(long)]
        estimate: Option<String>,
        /// Number of the person who keeps it.
        #[arg(long)]
        keeper: Option<usize>,
        /// movable, real_estate, other_right or bank_deposit.
        #[arg(long, default_value = "movable")]
        target: String,
        /// A vehicle that is not registered.
        #[arg(long)]
        unregistered_vehicle: bool,
        /// Number of the line that this replaces.
        #[arg(long)]
        number: Option<usize>,
    },
    /// Say whether a line may be taken: none, household, living_costs, education, unpublished, medical, honours, treaty, other_law or essential_home.
    Exempt {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Number of the line.
        #[arg(long)]
        line: usize,
        /// The category; `none` if it is not exempt.
        #[arg(long)]
        category: String,
        /// The reason.
        #[arg(long)]
        text: Option<String>,
    },
    /// Take a picture for the act or for a line, or name one that was taken.
    Shot {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// What it shows: scene, item, seal_in_place, sketch, leaving_process, receipt and others.
        #[arg(long)]
        shot: String,
        /// Number of the line it shows.
        #[arg(long)]
        line: Option<usize>,
        /// The bytes of the camera: a file, or `-`.
        #[arg(required_unless_present = "evidence")]
        file: Option<PathBuf>,
        /// The statement of a picture that was taken before.
        #[arg(long, conflicts_with = "file")]
        evidence: Option<StatementHash>,
    },
    /// The act itself is over; what follows is reading and signing.
    End {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// When; now if missing.
        #[arg(long)]
        at: Option<Moment>,
    },
    /// Somebody read the record and found it right.
    ReadBack {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Number of the person.
        #[arg(long)]
        person: usize,
        /// It was read out.
        #[arg(long)]
        aloud: bool,
    },
    /// Somebody signs the record as it stands.
    Sign {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Number of the person.
        #[arg(long)]
        person: usize,
        /// record, inventory, receipt; several with commas.
        #[arg(long = "for", value_delimiter = ',', default_value = "record")]
        papers: Vec<String>,
        /// File with the strokes drawn on the screen: `[[[x,y,milliseconds,pressure],…],…]`.
        #[arg(long)]
        strokes: Option<PathBuf>,
        /// Photo of the signature in ink.
        #[arg(long)]
        paper: Option<PathBuf>,
        /// Photo of the fingerprint in ink.
        #[arg(long)]
        fingerprint: Option<PathBuf>,
    },
    /// Somebody refuses to sign, to read, or to take something.
    Refuse {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Number of the person.
        #[arg(long)]
        person: usize,
        /// sign, read_back or take.
        #[arg(long)]
        what: String,
        /// Number of the witness; not one of the court.
        #[arg(long)]
        witness: Option<usize>,
        /// The statement of a video or photo that shows it.
        #[arg(long)]
        evidence: Option<StatementHash>,
        /// What was said.
        #[arg(long)]
        text: Option<String>,
    },
    /// Something was handed to somebody: inventory_copy, receipt, goods, decision and others.
    Hand {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Number of the person.
        #[arg(long)]
        person: usize,
        /// What.
        #[arg(long)]
        paper: String,
    },
    /// Take back a step or a line by its statement; it stays readable.
    Withdraw {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// The statement from `act show`.
        statement: StatementHash,
        /// Why.
        #[arg(long)]
        text: String,
    },
    /// Keep words that are not confirmed yet, or show what was kept.
    Draft {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// The topic they are for.
        #[arg(long)]
        topic: Option<String>,
        /// The words; empty takes the draft away.
        text: Option<String>,
    },
    /// Close the record. It says what is missing if something is.
    Close {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Last day of the measures it takes; as long as the law allows if missing.
        #[arg(long)]
        until: Option<Date>,
        /// Place in the queue; 1 is the first seal.
        #[arg(long, default_value_t = 1)]
        rank: u32,
    },
    /// Confirm a closed record as the second officer, on his own device.
    Countersign {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Words.
        #[arg(long)]
        text: Option<String>,
    },
    /// Add a correction to a closed record.
    Correct {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// What is wrong and what is right.
        text: String,
        /// Number of the line it is about.
        #[arg(long)]
        line: Option<usize>,
    },
    /// The named fields of the record, as JSON.
    Fields {
        /// Which.
        #[command(flatten)]
        which: Which,
    },
}
