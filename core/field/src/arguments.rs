//! The command line.

use std::path::PathBuf;

use crate::act::ActCommand;
use clap::{Parser, Subcommand, ValueEnum};
use zhixing_protocol::ids::{FundsRequestId, MeasureId, PauseId, PaymentId};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::time::Date;

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
    /// What is overdue or due in all cases, most urgent first; works offline.
    Today {
        /// Another day than today, such as 2020-03-11.
        #[arg(long, value_name = "DATE")]
        on: Option<Date>,
        /// How many days ahead.
        #[arg(long, default_value_t = 14)]
        within: u32,
    },
    /// What the law asks of a case now, by when, and why.
    Prompts {
        /// Case number or id.
        case: String,
        /// Another day than today.
        #[arg(long, value_name = "DATE")]
        on: Option<Date>,
        /// Say of every rule why it prompts or not.
        #[arg(long)]
        explain: bool,
    },
    /// What must be done before a step that ends something, and which events prove it.
    Checklist {
        /// Case number or id.
        case: String,
        /// The step.
        #[arg(value_enum)]
        step: Ending,
        /// Another day than today.
        #[arg(long, value_name = "DATE")]
        on: Option<Date>,
    },
    /// List the nodes of the procedure that can be recorded.
    Nodes {
        /// Only those whose code or name has this in it.
        word: Option<String>,
    },
    /// Record that a node of the procedure was reached; what it closes leaves `prompts`.
    Record {
        /// Case number or id.
        case: String,
        /// Code from `nodes`, such as notice.sent.
        node: String,
        /// Day or time, such as 2020-03-12 or 2020-03-12T09:30; now if missing.
        #[arg(long)]
        at: Option<Moment>,
        /// What it is about: an id from `prompts`, or `new`.
        #[arg(long)]
        about: Option<String>,
        /// Further facts, such as urgent=true.
        #[arg(long = "set", value_name = "NAME=VALUE")]
        values: Vec<String>,
        /// Number of the event that this replaces.
        #[arg(long)]
        corrects: Option<u64>,
        /// Words; they are kept apart from the open statement.
        #[arg(long)]
        text: Option<String>,
    },
    /// Control measures: take, renew, release.
    Measure {
        /// Case number or id.
        case: String,
        /// What is done.
        #[command(subcommand)]
        act: MeasureAct,
    },
    /// Days that do not count: begin and end of a pause.
    Pause {
        /// Case number or id.
        case: String,
        /// What is done.
        #[command(subcommand)]
        act: PauseAct,
    },
    /// The money of a case: what came, what is asked for, what was paid; and claiming, asking, deciding. Works offline.
    Funds {
        /// Case number or id.
        case: String,
        /// What is done; shows the ledger if missing.
        #[command(subcommand)]
        act: Option<FundsAct>,
    },
    /// Acts on site: inquiry, seal, search and others, led by what is next; works offline.
    Act {
        /// What is done.
        #[command(subcommand)]
        act: ActCommand,
    },
    /// Reckon delay interest with all steps.
    Interest {
        /// The debt in yuan, such as 20000 or 20000.50.
        #[arg(long, required_unless_present = "claim", value_name = "YUAN")]
        principal: Option<String>,
        /// Last day of the period for performance.
        #[arg(long, required_unless_present = "claim", value_name = "DATE")]
        due: Option<Date>,
        /// Up to which day.
        #[arg(long, required_unless_present = "claim", value_name = "DATE")]
        until: Option<Date>,
        /// A whole claim as JSON: debts, ordinary interest, stays, payments.
        #[arg(long, conflicts_with_all = ["principal", "due", "until"])]
        claim: Option<PathBuf>,
    },
    /// Papers of the court: records, lists, rulings as PDF, made offline.
    Doc {
        /// What is done.
        #[command(subcommand)]
        act: DocAct,
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
    /// Take files that were put aside after damage in again as evidence. The folder must be enrolled again before.
    Adopt,
    /// Look whether this device's data are whole.
    Doctor,
}

/// What is done with papers.
#[derive(Subcommand)]
pub enum DocAct {
    /// List the kinds of paper.
    List {
        /// Only those whose id or title has this in it, or that a duty's action (form:…) opens.
        word: Option<String>,
    },
    /// The fields of a kind of paper; with a case, what the case gives and what is still missing.
    Fields {
        /// Id or title from `doc list`.
        template: String,
        /// Case number or id.
        #[arg(long)]
        case: Option<String>,
        /// An act on site of the case that gives some of them; its id or the end of it.
        #[arg(long, value_name = "ID", requires = "case")]
        act: Option<String>,
    },
    /// Make a paper, sign it and write it as PDF.
    Make {
        /// Case number or id.
        case: String,
        /// Id or title from `doc list`.
        template: String,
        #[command(flatten)]
        fields: DocFields,
        /// Where to put the PDF.
        #[arg(long, short)]
        output: PathBuf,
        /// Id of a paper from `doc papers` of which this is the next version; its fields are taken over.
        #[arg(long, value_name = "PAPER")]
        revises: Option<String>,
        /// Legal date; today if missing.
        #[arg(long, value_name = "DATE")]
        on: Option<Date>,
        /// Only look at it: nothing is signed, and each page says so.
        #[arg(long)]
        draft: bool,
        #[command(flatten)]
        fonts: DocFonts,
    },
    /// List the papers of a case with their versions.
    Papers {
        /// Case number or id.
        case: String,
    },
    /// Write a paper as PDF again: the same bytes as when it was made.
    Print {
        /// Case number or id.
        case: String,
        /// Id from `doc papers`.
        paper: String,
        /// An earlier version than the newest.
        #[arg(long)]
        revision: Option<u32>,
        /// Where to put the PDF.
        #[arg(long, short)]
        output: PathBuf,
        #[command(flatten)]
        fonts: DocFonts,
    },
    /// Write each kind of paper with invented values into a folder, for the lawyer who reviews the words.
    Specimens {
        /// Where to put them.
        folder: PathBuf,
        #[command(flatten)]
        fonts: DocFonts,
    },
}

/// Values of a paper's fields.
#[derive(clap::Args)]
pub struct DocFields {
    /// A JSON object of fields, or `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub fields: Option<PathBuf>,
    /// One field: text, a date, yuan such as 20000.50, true, a name, or JSON; again for each entry of a list.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// The act on site whose record it is, or its end as `act list` shows it: people, words, inventory, photos and signatures come from it.
    #[arg(long, value_name = "ID")]
    pub act: Option<String>,
    /// A photo by the beginning of its statement's hash from `show`, with words below it.
    #[arg(long = "photo", value_name = "HASH[=WORDS]")]
    pub photos: Vec<String>,
    /// A claim as JSON (see `interest`): its steps become the fields of the calculation.
    #[arg(long)]
    pub claim: Option<PathBuf>,
    /// The court's name, where no earlier paper of the case has it.
    #[arg(long, env = "ZHIXING_COURT_NAME")]
    pub court: Option<String>,
}

/// Fonts of a paper.
#[derive(clap::Args)]
pub struct DocFonts {
    /// A Chinese font file; further ones stand in for characters that it lacks. Debian's fonts-noto-cjk if missing.
    #[arg(
        long = "font",
        env = "ZHIXING_FONTS",
        value_delimiter = ':',
        value_name = "FILE"
    )]
    pub files: Vec<PathBuf>,
}

/// What happens to a control measure.
#[derive(Subcommand)]
pub enum MeasureAct {
    /// It took effect.
    Take {
        /// What it does.
        #[arg(value_enum)]
        kind: Measure,
        /// What it holds; decides how long it may last.
        #[arg(value_enum)]
        target: Target,
        /// Last day in force, as the ruling says.
        #[arg(long, value_name = "DATE")]
        until: Date,
        /// When it took effect; now if missing.
        #[arg(long)]
        at: Option<Moment>,
        /// Place in the queue; 1 is the first seal.
        #[arg(long, default_value_t = 1)]
        rank: u32,
        /// Further facts, such as co_owned=true.
        #[arg(long = "set", value_name = "NAME=VALUE")]
        values: Vec<String>,
        /// What it is, such as the house or the account; kept apart from the open statement.
        #[arg(long)]
        name: Option<String>,
    },
    /// It was renewed.
    Renew {
        /// Id of the measure from `prompts`.
        measure: MeasureId,
        /// Last day in force.
        #[arg(long, value_name = "DATE")]
        until: Date,
        /// When; now if missing.
        #[arg(long)]
        at: Option<Moment>,
    },
    /// It was released.
    Release {
        /// Id of the measure.
        measure: MeasureId,
        /// Code of the ground, such as performed or excess.
        #[arg(long)]
        reason: String,
        /// When; now if missing.
        #[arg(long)]
        at: Option<Moment>,
    },
}

/// What is done with money.
#[derive(Subcommand)]
pub enum FundsAct {
    /// Say that a sum belongs to this case.
    Claim {
        /// Id of the sum from `funds`.
        payment: PaymentId,
        /// Words.
        #[arg(long)]
        text: Option<String>,
    },
    /// Ask that money be paid out.
    Request {
        /// How much in yuan, such as 20000 or 20000.50.
        #[arg(long, value_name = "YUAN")]
        amount: String,
        /// The payee: a party of the case by name or id.
        #[arg(long, value_name = "NAME|ID")]
        to: Option<String>,
        /// What for.
        #[arg(long = "for", value_enum, default_value = "disbursement")]
        purpose: Purpose,
        /// The payee's account; kept apart from the open statement.
        #[arg(long)]
        account: Option<String>,
        /// Words.
        #[arg(long)]
        text: Option<String>,
    },
    /// Approve a request of somebody else.
    Approve(Decision),
    /// Refuse a request of somebody else.
    Refuse(Decision),
    /// Take a request of one's own back.
    Withdraw(Decision),
}

/// A decision on a request.
#[derive(clap::Args)]
pub struct Decision {
    /// Id of the request from `funds`.
    pub request: FundsRequestId,
    /// Code of the ground, such as complete or account_unclear.
    #[arg(long, default_value = "complete")]
    pub reason: String,
    /// Words.
    #[arg(long)]
    pub text: Option<String>,
}

/// What money is paid out for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Purpose {
    /// 发放
    Disbursement,
    /// 执行费
    Fee,
    /// 退还余款
    Surplus,
    /// 参与分配
    Distribution,
    /// 提存
    Deposit,
}

/// What happens to a pause.
#[derive(Subcommand)]
pub enum PauseAct {
    /// Clocks stop.
    Begin {
        /// Code of the ground, such as appraisal or suspension.
        reason: String,
        /// First day that does not count.
        #[arg(long, value_name = "DATE")]
        from: Date,
        /// Words.
        #[arg(long)]
        text: Option<String>,
    },
    /// Clocks run again.
    End {
        /// Id of the pause.
        pause: PauseId,
        /// Last day that does not count.
        #[arg(long, value_name = "DATE")]
        to: Date,
    },
}

/// What a control measure does.
#[derive(Clone, Copy, ValueEnum)]
pub enum Measure {
    /// 冻结
    Freeze,
    /// 查封
    Seal,
    /// 扣押
    Seize,
}

/// What a control measure holds.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Target {
    /// Money in an account.
    BankDeposit,
    /// Movable goods.
    Movable,
    /// Land and buildings.
    RealEstate,
    /// Any other right.
    OtherRight,
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

/// Steps that end something.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Ending {
    /// 终结本次执行程序.
    Termination,
    /// 执行完毕.
    Completion,
}
