#!/usr/bin/env node
// Prints the items of `zhixing-field receipts --json` as a table. Exit code 1 if one is not held and proved.

import { readFileSync } from 'node:fs';

const columns = ['item', 'what', 'size', 'sha256', 'assurance', 'made between', 'receipt', 'leaf', 'proof'];
const clock = (ms) => (ms == null ? '—' : new Date(ms).toLocaleTimeString('zh-CN', { timeZone: 'Asia/Shanghai', hour12: false }));
const rows = process.argv.slice(2).flatMap((file) => JSON.parse(readFileSync(file, 'utf8')).items).map((item) => [
  item.item.slice(-12),
  item.segment ? `${item.media_type} #${item.segment.index}` : item.media_type,
  `${(item.size_bytes / 1048576).toFixed(2)} MB`,
  item.sha256.slice(0, 12),
  item.assurance,
  `${clock(item.bracket?.not_before_ms)}–${clock(item.bracket?.not_after_ms)}`,
  item.receipt_at_ms == null ? `— (${item.upload})` : clock(item.receipt_at_ms),
  item.leaf_index ?? '—',
  item.leaf_index == null ? '—' : `verified at ${item.tree_size}`,
].map(String));
const widths = columns.map((name, place) => Math.max(name.length, ...rows.map((row) => row[place].length)));
const line = (cells) => cells.map((cell, place) => cell.padEnd(widths[place])).join('  ').trimEnd();
console.log(line(columns));
console.log(widths.map((width) => '─'.repeat(width)).join('  '));
for (const row of rows) console.log(line(row));
const proved = rows.filter((row) => !row[6].startsWith('—') && row[8] !== '—').length;
console.log(`${proved} of ${rows.length} items held by the court and proved`);
process.exit(proved === rows.length && rows.length > 0 ? 0 : 1);
