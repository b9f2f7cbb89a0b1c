/// The files in the order of their ids; a test compares them with the folder.
const SOURCES: &[&str] = &[
    include_str!("../templates/record.cash.json"),
    include_str!("../templates/record.compelled_attendance.json"),
    include_str!("../templates/record.delivery.json"),
    include_str!("../templates/record.detention.json"),
    include_str!("../templates/record.eviction.json"),
    include_str!("../templates/record.execution.json"),
    include_str!("../templates/record.inquiry.json"),
    include_str!("../templates/record.inspection.json"),
    include_str!("../templates/record.interview_before_termination.json"),
    include_str!("../templates/record.leave_service.json"),
    include_str!("../templates/record.panel.json"),
    include_str!("../templates/record.seal.json"),
    include_str!("../templates/record.search.json"),
    include_str!("../templates/record.seizure.json"),
    include_str!("../templates/record.settlement.json"),
    include_str!("../templates/record.visit.json"),
];
