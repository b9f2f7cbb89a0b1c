// What the law asks of the invented cases, for the tests of the pages: acts on site, papers, checklists, the day.
const id = (number) => `0193d1c0-0009-7000-8000-${number.toString(16).padStart(12, '0')}`
const basis = (name_zh, article) => ({ law: 'TIME', name_zh, doc_no: null, article, cites_cpl_numbering: null })
const TERMINATION = '关于严格规范终结本次执行程序的规定（试行）'

/** A hand that wanders from left to right. */
const stroke = (left, top) => Array.from({ length: 40 }, (_, at) => [left + at * 60, Math.round(top + Math.sin(at / 3) * 700 - at * 8), at * 12, 500])

const line = (number, name, more) => ({ number, line: id(30 + number), statement: id(40 + number), name, model: null, serial: null, place: '元坝镇拱桥村 3 组院内', seal_number: `昭法封 00${number}`, text: null, quantity: '1', unit_zh: '台', condition_zh: '八成新', estimate_fen: 6_800_000, keeper: '彭大勇', exempt_zh: [], photos: [], versions: 1, ...more })
const asked = (requirement, name_zh, hard = true) => ({ requirement, group: 'presence', name_zh, hard })

export const actsOf = (file) => {
  const photos = file.evidence.filter((item) => item.kind === 'photo').slice(0, 3)
  const lines = [line(1, '东风轻型货车', { model: '川H 号牌已记', photos: photos.map((item) => item.statement) }), line(2, '稻谷收割机', { condition_zh: '可用', estimate_fen: null, exempt_zh: ['生产所必需'] })]
  return [
    {
      act: id(1), kind: 'seal', kind_zh: '查封', status: 'open', began: '2026-11-23T10:05:00+08:00', place: '昭化区元坝镇拱桥村 3 组', ended: null, closed: null, record: 'ab'.repeat(32),
      attendees: [
        { attendee: id(11), name: '唐毅', roles: ['officer'], roles_zh: ['执行人员'], presence_zh: '到场', signed: true, refused: false },
        { attendee: id(12), name: '范琳', roles: ['officer'], roles_zh: ['执行人员', '记录人'], presence_zh: '到场', signed: false, refused: false },
        { attendee: id(13), name: '彭大勇', roles: ['debtor'], roles_zh: ['被执行人'], presence_zh: '到场', signed: false, refused: true },
        { attendee: id(14), name: '向贵平', roles: ['grassroots'], roles_zh: ['村民委员会工作人员'], presence_zh: '到场', signed: true, refused: false },
      ],
      steps: [
        { statement: id(21), at: '2026-11-23T10:06:00+08:00', what: 'shown', what_zh: '工作证', text: null, late: false },
        { statement: id(22), at: '2026-11-23T10:12:00+08:00', what: 'note', what_zh: '经过', text: '货车停在院内，车钥匙由被执行人交出。\n收割机在库房，逐一拍照。', late: false },
      ],
      lines,
      marks: [
        { attendee: id(11), name: '唐毅', at: '2026-11-23T10:41:00+08:00', how_zh: '屏幕手写（签名笔迹图像，非可靠电子签名）', papers_zh: ['笔录', '清单'], refused: false, witness: null, current: true },
        { attendee: id(14), name: '向贵平', at: '2026-11-23T10:43:00+08:00', how_zh: '屏幕手写（签名笔迹图像，非可靠电子签名）', papers_zh: ['笔录'], refused: false, witness: null, current: false },
        { attendee: id(13), name: '彭大勇', at: '2026-11-23T10:45:00+08:00', how_zh: '拒绝签名', papers_zh: [], refused: true, witness: '向贵平', current: true },
      ],
      missing: [
        { requirement: 'second_officer_signs', group: 'sign', name_zh: '第二名执行人员签名', do_zh: '请范琳在笔录上签名。', about: [id(12)], hard: true, after_closing: false, basis: [{ law: 'CPL', article: '255' }], confidence: 'high' },
        { requirement: 'recorder', group: 'shots', name_zh: '全程录音录像', do_zh: '打开执法记录仪并登记编号。', about: [], hard: false, after_closing: false, basis: [], confidence: 'medium' },
      ],
      met: [asked('officers_two', '两名以上执行人员到场'), asked('work_id', '出示工作证'), asked('debtor_told', '通知被执行人到场'), asked('inventory', '逐件造具清单')],
      photos: photos.map((item, at) => ({ statement: item.statement, shot_zh: ['查封物全貌', '封条近景', '号牌'][at], held: item.outcome !== 'awaited', has_thumbnail: item.has_thumbnail })),
      drawn: [
        { attendee: id(11), at: '2026-11-23T10:41:00+08:00', strokes: [stroke(1500, 4200), stroke(2100, 5600)] },
        { attendee: id(14), at: '2026-11-23T10:43:00+08:00', strokes: [stroke(1200, 3800), stroke(3400, 5200)] },
      ],
      countersigned: false, countersigns: [], corrections: [], can_close: false, next: 'second_officer_signs', late: [], timers: [],
    },
    {
      act: id(2), kind: 'inquiry', kind_zh: '询问', status: 'closed', began: '2026-11-20T09:30:00+08:00', place: '昭化区人民法院', ended: '2026-11-20T11:02:00+08:00', closed: '2026-11-20T11:20:00+08:00', record: 'cd'.repeat(32),
      attendees: [], steps: [], lines: [], marks: [], missing: [], met: [asked('read_back', '笔录交被询问人核对')], photos: [], drawn: [], countersigned: true, countersigns: [{ at: '2026-11-20T11:31:00+08:00', current: true }],
      corrections: [['2026-11-21T08:40:00+08:00', '第二页“六千”应为“六万”。']], can_close: false, next: null, late: [],
      timers: [{ timer: 'compelled_8h', name_zh: '询问不超过八小时', begun_ms: Date.UTC(2026, 10, 20, 1, 30), due_ms: Date.UTC(2026, 10, 20, 9, 30), stopped_ms: Date.UTC(2026, 10, 20, 3, 2), left_ms: 1, warns: false, over: false, hard: true, do_zh: '', basis: [] }],
    },
  ]
}

export const standingOf = (file, full) => ({
  on: '2026-11-24',
  staff: file.handler === null ? [] : [{ id: file.handler.id, name: file.handler.name, role: 'handler', since: file.filed_on }, { id: id(5), name: '范琳', role: 'assistant', since: file.filed_on }],
  tracks: [{ stage: 'assignment_notice', name_zh: '分案与执行通知', overdue: 0, open: 2 }, { stage: 'control', name_zh: '查封扣押冻结', overdue: 1, open: 1 }],
  node: { seq: 1, code: 'report_order.issued', name_zh: '发出报告财产令', at: '2026-11-20' },
  measures: !full ? [] : [
    { measure: id(51), seq: 2, kind: 'seal', target: 'movable', rank: 1, at: '2026-11-23T10:40:00+08:00', until: '2028-11-22', days_left: 729, renewals: 0, released: null, standing: 'in_force', name: '东风轻型货车' },
    { measure: id(52), seq: 3, kind: 'freeze', target: 'bank_deposit', rank: 1, at: '2025-11-28', until: '2026-11-27', days_left: 3, renewals: 1, released: null, standing: 'in_force', name: '农村信用社尾号 0042 账户' },
    { measure: id(53), seq: 4, kind: 'seal', target: 'real_estate', rank: 2, at: '2023-10-01', until: '2026-09-30', days_left: -55, renewals: 0, released: null, standing: 'lapsed', name: null },
  ],
  pauses: !full ? [] : [{ pause: id(60), reason: 'objection', from: '2026-11-10', to: null, has_document: false }],
  property: !full ? [] : actsOf(file)[0].lines.map((one) => ({ ...one, act: id(1), act_zh: '查封' })),
})

export const papersOf = () => [
  { paper: id(70), versions: [1, 2].map((revision) => ({ revision, template: 'notice.enforcement', template_version: 1, title: '执行通知书', volume: 'main', on: '2026-11-20', made_at_ms: Date.UTC(2026, 10, 20, 2, revision), statement: 'ef'.repeat(32) })) },
  { paper: id(71), versions: [{ revision: 1, template: 'record.panel', template_version: 1, title: '合议庭评议笔录', volume: 'internal', on: '2026-11-21', made_at_ms: Date.UTC(2026, 10, 21, 2), statement: '0e'.repeat(32) }] },
]

const item = (rule, asked_zh, standing, more = {}) => ({ rule, asked_zh, standing, by: [], proofs: [], open_about: [], earliest: null, stops: true, action: 'none', basis: [basis(TERMINATION, '1')], confidence: 'high', ...more })
export const checklistOf = (step) => ({
  step, on: '2026-11-24', pack_version: 1, name_zh: step === 'termination' ? '终结本次执行程序' : '执行完毕',
  in_the_way: step === 'termination' ? ['S17-01', 'S03-01'] : [],
  items: step === 'termination'
    ? [
      item('S17-01', '立案之日起超过三个月', 'open', { earliest: '2027-02-02' }),
      item('S02-03', '已发出执行通知', 'met', { by: [5], proofs: [{ seq: 5, code: 'notice.sent', name_zh: '发出执行通知', at: '2026-11-20' }] }),
      item('S03-01', '已责令报告财产', 'open'),
      item('S04-03', '已核查申请人提供的线索', 'open', { stops: false, confidence: 'low', open_about: [id(80), id(81)] }),
      item('S05-08', '下落不明的已查找', 'not_needed'),
    ]
    : [item('S18-03', '义务已全部履行', 'met', { by: [6], proofs: [{ seq: 6, code: 'case.assigned', name_zh: null, at: '2026-11-23T09:00:00+08:00' }] }), item('S11-04', '限制消费已解除', 'not_needed')],
})

export const verdicts = [
  { rule: 'S02-01', name_zh: '确定承办人', verdict: 'closed', trigger_seq: 1, by_seq: 4, detail: null, pack_version: 1, overlay_version: null },
  { rule: 'S06-16', name_zh: '解除查封', verdict: 'not_triggered', trigger_seq: null, by_seq: null, detail: 'obligation.performed', pack_version: 1, overlay_version: null },
]

/** The prompts of some cases, as a court sees its day. */
export const todayOf = (cases, prompts, asked) => {
  const wants = (prompt) => ['overdue', 'open'].includes(prompt.standing) && (asked('standing') === '' || prompt.standing === asked('standing')) && (asked('hard') === '' || String(prompt.hard) === asked('hard'))
    && prompt.days_left !== null && prompt.days_left <= Number(asked('within') || 7)
  const rows = cases.slice(0, 6).filter((file) => (asked('court') === '' || file.court === asked('court')) && file.number.includes(asked('query'))).map((file) => ({
    case: file.id, number: file.number, court: file.court, cause: file.cause, handler: file.handler?.name ?? null,
    respondents: file.parties.filter((party) => party.role === 'respondent').map((party) => party.name), prompts: prompts.filter(wants),
  })).filter((row) => row.prompts.length > 0)
  const all = rows.flatMap((row) => row.prompts)
  const count = (fits) => all.filter(fits).length
  return { on: '2026-11-24', within: Number(asked('within') || 7), count: rows.length, overdue: count((one) => one.standing === 'overdue'), due_today: count((one) => one.days_left === 0), later: count((one) => one.days_left > 0), cases: rows }
}

const SEEN = Date.UTC(2026, 10, 23, 3)
/** Statements without effect, one of each result. */
export const setAside = [
  { statement: 'a1'.repeat(32), type: 'measure.take/1', case: null, number: null, seq: 1280, admitted_ms: SEEN, effect: 'rejected', reason: 'not_granted', device: { id: id(90), label: '执行一组 1 号手机', officer: '唐毅' } },
  { statement: 'b2'.repeat(32), type: 'evidence.capture/1', case: null, number: null, seq: 59, admitted_ms: SEEN - 60_000, effect: 'held', reason: 'fork', device: { id: id(91), label: '执行二组 备用手机', officer: '唐毅' } },
]

/** Batches that came through the gate. */
export const arrivals = [
  { seq: 41, name: 'inner-0811-000041', state: 'taken', added: 17, unchanged: 3, failed: 1, at_ms: SEEN, errors: [{ file: 'cases.jsonl', line: 12, reason: 'the court 川9999 is not known' }] },
  { seq: 40, name: 'inner-0811-000040', state: 'taken', added: 204, unchanged: 0, failed: 0, at_ms: SEEN - 86_400_000, errors: [] },
]
