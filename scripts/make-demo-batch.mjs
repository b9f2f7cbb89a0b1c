#!/usr/bin/env node
// Makes the demonstration's batch: courts of Sichuan, fictional people, 44 cases with documents as PDF and images.
//
//   scripts/make-demo-batch.mjs FOLDER
//
// All people and companies are invented. Identity numbers carry a region of the place and a checksum that is wrong on
// purpose; telephone numbers begin with 100, which no subscriber has. Format: docs/IMPORT.md.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = process.argv[2];
if (!folder) {
  console.error('usage: scripts/make-demo-batch.mjs FOLDER');
  process.exit(2);
}
const documents = join(folder, 'documents');
mkdirSync(documents, { recursive: true });

const courts = [
  ['川', '四川省高级人民法院', 'high', null],
  ['川01', '成都市中级人民法院', 'intermediate', '川'],
  ['川08', '广元市中级人民法院', 'intermediate', '川'],
  ['川0802', '广元市利州区人民法院', 'basic', '川08'],
  ['川0811', '广元市昭化区人民法院', 'basic', '川08'],
  ['川0812', '广元市朝天区人民法院', 'basic', '川08'],
  ['川0821', '旺苍县人民法院', 'basic', '川08'],
  ['川0822', '青川县人民法院', 'basic', '川08'],
  ['川0823', '剑阁县人民法院', 'basic', '川08'],
  ['川0824', '苍溪县人民法院', 'basic', '川08'],
].map(([word, name, level, parent]) => ({ word, name, level, parent }));

const staff = [
  ['hewei', '何伟', 'judge', '川0811', '511001'],
  ['tangjing', '唐静', 'judge', '川0811', '511002'],
  ['zhourui', '周睿', 'judge', '川0802', '510201'],
  ['clerk', '罗小雨', 'clerk', '川0811', '511003'],
  ['duty', '值班员', 'duty', '川08', '510801'],
  ['admin', '管理员', 'admin', '川08', '510802'],
  ['auditor', '督察员', 'auditor', '川', '510001'],
].map(([login, name, role, court, badge]) => ({ login, name, role, court, badge, password: `demo-${login}` }));

const surnames = [...'梁彭杨陈李王张刘赵黄吴徐孙胡朱高林郭马罗'];
const given = ['建国', '秀英', '小军', '桂芳', '志强', '玉兰', '海波', '春燕', '明华', '丽娟', '文斌', '国庆'];
const villages = ['昭化镇牛头村', '元坝镇石井村', '卫子镇东岳村', '虎跳镇三公村', '磨滩镇长青村', '柏林沟镇向阳村'];
const causes = [
  ['loan', '民间借贷纠纷'],
  ['sale', '买卖合同纠纷'],
  ['labour', '追索劳动报酬纠纷'],
  ['traffic', '机动车交通事故责任纠纷'],
  ['lease', '房屋租赁合同纠纷'],
];

// A small generator with a fixed seed: the same batch each time.
let state = 20200310;
const draw = (limit) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state % limit;
};
const person = (n) => surnames[(n * 7) % surnames.length] + given[(n * 5 + 3) % given.length];
const identity = (region, n) => {
  const body = `${region}19${60 + (n % 35)}${String(1 + (n % 12)).padStart(2, '0')}${String(1 + (n % 27)).padStart(2, '0')}${String(100 + n).slice(-3)}`;
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
  const right = '10X98765432'[[...body].reduce((sum, digit, place) => sum + Number(digit) * weights[place], 0) % 11];
  return body + (right === '7' ? '3' : '7');
};
const phone = (n) => `100${String(20000000 + n * 137).slice(0, 8)}`;

const named = {
  1: { applicant: '梁某某', respondent: '彭某某', fen: 2000000, filed: '2020-03-10', year: 2020, number: 123 },
  2: { applicant: '杨某某', respondent: '川北砂石有限公司（虚构）', fen: 8650000, filed: '2026-05-18', year: 2026, number: 301 },
  3: { applicant: '陈某某', respondent: '马文斌', fen: 3120050, filed: '2026-06-02', year: 2026, number: 318 },
};

const cases = [];
for (let n = 1; n <= 44; n += 1) {
  const court = n <= 34 ? courts[4] : courts[3];
  const [cause, causeName] = causes[draw(causes.length)];
  const known = named[n] ?? {
    applicant: person(n),
    respondent: n % 9 === 0 ? `${surnames[n % 20]}氏建材经营部（虚构）` : person(n + 61),
    fen: 500000 + draw(40000000),
    filed: `2026-${String(1 + draw(10)).padStart(2, '0')}-${String(1 + draw(28)).padStart(2, '0')}`,
    year: 2026,
    number: 400 + n,
  };
  const region = court.word === '川0811' ? '510811' : '510802';
  const company = known.respondent.includes('虚构');
  cases.push({
    n,
    court,
    causeName,
    record: {
      external_id: `demo-${n}`,
      number: `（${known.year}）${court.word}执${known.number}号`,
      court: court.word,
      cause,
      amount_fen: known.fen,
      filed_on: known.filed,
      title: `（${known.year - 1}）${court.word}民初${1000 + n}号民事判决书：${causeName}`,
      handler: n <= 28 ? 'hewei' : n <= 34 ? 'tangjing' : 'zhourui',
      assistants: n <= 34 ? ['clerk'] : [],
      parties: [
        { external_id: 'applicant', role: 'applicant', kind: 'person', name: known.applicant, id_number: identity(region, n), phone: phone(n), address: `广元市昭化区${villages[n % villages.length]}${1 + (n % 8)}组` },
        { external_id: 'respondent', role: 'respondent', kind: company ? 'organisation' : 'person', name: known.respondent, id_number: company ? null : identity(region, n + 200), phone: phone(n + 200), address: `广元市昭化区${villages[(n + 2) % villages.length]}${1 + (n % 6)}组` },
      ],
      documents: [
        { external_id: 'title', kind: 'enforcement_title', volume: 'main', title: '民事判决书', media_type: 'application/pdf', file: `documents/${n}-title.pdf` },
        { external_id: 'application', kind: 'application', volume: 'main', title: '强制执行申请书', media_type: 'application/pdf', file: `documents/${n}-application.pdf` },
        { external_id: 'identity', kind: 'identity_copy', volume: 'main', title: '申请执行人身份证明（复印件）', media_type: 'image/jpeg', file: `documents/${n}-identity.jpg` },
      ],
    },
  });
}

const yuan = (fen) => (fen / 100).toLocaleString('zh-CN', { minimumFractionDigits: 2 });
const page = (title, lines, stamp) => `<section><h1>${title}</h1>${lines.map((line) => `<p>${line}</p>`).join('')}<footer>${stamp}</footer></section>`;
const pages = cases.flatMap(({ record, court, causeName }) => {
  const [applicant, respondent] = record.parties;
  return [
    page(`${court.name}<br>民 事 判 决 书`, [
      record.title.split('：')[0].replace('民事判决书', ''),
      `原告：${applicant.name}，住${applicant.address}。`,
      `被告：${respondent.name}，住${respondent.address}。`,
      `原告与被告${causeName}一案，本院依法进行了审理。判决如下：`,
      `一、被告于本判决生效之日起十日内向原告支付${yuan(record.amount_fen)}元；`,
      '二、如未按本判决指定的期间履行给付金钱义务，应当依照《中华人民共和国民事诉讼法》的规定，加倍支付迟延履行期间的债务利息。',
      '如不服本判决，可在判决书送达之日起十五日内，向本院递交上诉状。',
    ], '演示文书 · 人物与案情均为虚构'),
    page('强制执行申请书', [
      `申请执行人：${applicant.name}，身份证号${applicant.id_number}，电话${applicant.phone}。`,
      `被执行人：${respondent.name}，住${respondent.address}。`,
      `执行依据：${record.title}。`,
      `请求事项：强制被执行人支付${yuan(record.amount_fen)}元及迟延履行期间的债务利息。`,
      `此致　${court.name}`,
      `申请人：${applicant.name}　　${record.filed_on}`,
    ], '演示文书 · 人物与案情均为虚构'),
    page('居民身份证（复印件）', [`姓名　${applicant.name}`, `住址　${applicant.address}`, `公民身份号码　${applicant.id_number}`], '演示材料 · 号码校验位有误，不对应任何人'),
  ];
});
const work = mkdtempSync(join(tmpdir(), 'zhixing-batch-'));
try {
  const html = join(work, 'pages.html');
  writeFileSync(html, `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><style>
    @page { size: A4; margin: 28mm 26mm }
    body { font: 15pt/1.9 "Noto Serif CJK SC", "Noto Sans CJK SC", serif; margin: 0 }
    section { break-after: page } section:last-child { break-after: auto }
    h1 { font-size: 22pt; text-align: center; letter-spacing: .1em; line-height: 1.5; margin: 0 0 1em }
    p { text-indent: 2em; margin: .4em 0 } footer { margin-top: 3em; font-size: 10pt; color: #666; text-align: right }
  </style>${pages.join('')}`);
  const browser = process.env.CHROMIUM ?? 'chromium';
  execFileSync(browser, [
    '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync',
    '--disable-component-update', `--user-data-dir=${join(work, 'profile')}`, '--no-pdf-header-footer',
    `--print-to-pdf=${join(work, 'all.pdf')}`, pathToFileURL(html).href,
  ], { stdio: 'ignore', timeout: 120000 });
  execFileSync('pdfseparate', [join(work, 'all.pdf'), join(work, '%d.pdf')]);
  const count = readdirSync(work).filter((name) => /^\d+\.pdf$/.test(name)).length;
  if (count !== pages.length) throw new Error(`expected ${pages.length} pages, got ${count}: a document runs over its page`);
  cases.forEach(({ record }, place) => {
    const [title, application, copy] = record.documents;
    renameSync(join(work, `${3 * place + 1}.pdf`), join(folder, title.file));
    renameSync(join(work, `${3 * place + 2}.pdf`), join(folder, application.file));
    const image = join(folder, copy.file).replace(/\.jpg$/, '');
    execFileSync('pdftoppm', ['-jpeg', '-r', '80', '-singlefile', join(work, `${3 * place + 3}.pdf`), image]);
  });
} finally {
  rmSync(work, { recursive: true, force: true });
}

const lines = (records) => records.map((record) => `${JSON.stringify(record)}\n`).join('');
writeFileSync(join(folder, 'courts.jsonl'), lines(courts));
writeFileSync(join(folder, 'staff.jsonl'), lines(staff));
writeFileSync(join(folder, 'cases.jsonl'), lines(cases.map(({ record }) => record)));
console.log(`${courts.length} courts, ${staff.length} people, ${cases.length} cases, ${readFileSync(join(folder, 'cases.jsonl')).length} bytes of records in ${folder}`);
