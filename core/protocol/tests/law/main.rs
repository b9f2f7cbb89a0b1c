//! The bundled rule pack against histories of cases: every rule fires, closes and is missed; dates of the known story; faults of packs.

mod check;
mod checklist;
mod drafts;
mod history;
mod pack;
mod rules;
mod story;
mod timed;
mod times;
