import type { Evidence } from '@zhixing/ui'

/** One thing a person can check with tools of their own. */
export interface CheckStep {
  code: 'statement' | 'signature' | 'original' | 'receipt' | 'log'
  commands: string
  /** What the tools must print. */
  expects: string[]
}

/** A file that the steps work on, with its exact bytes. */
export interface CheckFile {
  name: string
  bytes: Uint8Array<ArrayBuffer>
}

const EXTENSIONS: Record<string, string> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'video/mp4': 'mp4',
  'video/quicktime': 'mov',
  'video/webm': 'webm',
  'audio/mp4': 'm4a',
  'audio/mpeg': 'mp3',
  'audio/ogg': 'ogg',
  'audio/wav': 'wav',
  'application/pdf': 'pdf',
}

/** Name under which the original is to be saved. */
export function originalName(mediaType: string): string {
  return `original.${EXTENSIONS[mediaType] ?? 'bin'}`
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/.test(hex)) throw new RangeError('expected lower-case hexadecimal')
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** A public key as PEM, from SubjectPublicKeyInfo in hexadecimal. */
export function pemOf(publicKeyHex: string): string {
  const base64 = btoa(String.fromCharCode(...fromHex(publicKeyHex)))
  return `-----BEGIN PUBLIC KEY-----\n${base64.replace(/(.{64})(?=.)/g, '$1\n')}\n-----END PUBLIC KEY-----\n`
}

/**
 * On which side each hash of an inclusion proof stands, from the leaf up (RFC 9162 §2.1.3.2).
 *
 * *Errors*: RangeError where index, size and number of hashes do not fit together.
 */
export function pathSides(index: number, size: number, count: number): ('left' | 'right')[] {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) throw new RangeError('no such leaf')
  const half = (value: number): number => Math.floor(value / 2)
  const sides: ('left' | 'right')[] = []
  let [node, last] = [index, size - 1]
  for (let step = 0; step < count; step += 1) {
    if (last === 0) throw new RangeError('too many hashes')
    if (node % 2 === 1 || node === last) {
      sides.push('left')
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      sides.push('right')
    }
    ;[node, last] = [half(node), half(last)]
  }
  if (last !== 0) throw new RangeError('too few hashes')
  return sides
}

/** Root hash named by a checkpoint: its third line, base64. */
export function rootOf(checkpoint: string): string {
  return checkpoint.split('\n')[2] ?? ''
}

/** Bytes as octal escapes, which `printf` of every shell understands. */
function octal(hex: string): string {
  return [...fromHex(hex)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}

const HASH = 'openssl dgst -sha256 -binary'

function logCommands(proof: NonNullable<Evidence['proof']>): string {
  const sides = pathSides(proof.log_index, proof.tree_size, proof.hashes.length)
  const steps = proof.hashes.map((hash, step) => {
    const other = `printf '${octal(hash)}'`
    const both = sides[step] === 'left' ? `${other}; cat node` : `cat node; ${other}`
    return `{ printf '\\001'; ${both}; } | ${HASH} > next && mv next node`
  })
  const leaf = `{ printf '\\000ev1\\000'; ${HASH} statement.json; ${HASH} statement.sig; } | ${HASH} > node`
  return [leaf, ...steps, 'base64 node', 'sed -n 3p checkpoint.txt'].join('\n')
}

/** Files to save and commands to run, all with stock tools (coreutils and OpenSSL 1.1.1 or newer). */
export function selfCheck(item: Evidence): { files: CheckFile[]; steps: CheckStep[] } {
  const text = (name: string, content: string): CheckFile => ({ name, bytes: new TextEncoder().encode(content) })
  const files = [text('statement.json', item.statement_json), { name: 'statement.sig', bytes: fromHex(item.signature_hex) }]
  if (item.device.public_key !== undefined) files.push(text('device.pem', pemOf(item.device.public_key)))
  const original = originalName(item.media_type)
  const steps: CheckStep[] = [
    { code: 'statement', commands: 'sha256sum statement.json', expects: [item.statement] },
    {
      code: 'signature',
      commands: 'openssl dgst -sha256 -verify device.pem -signature statement.sig statement.json',
      expects: ['Verified OK'],
    },
    {
      code: 'original',
      commands: `sha256sum ${original}\nopenssl dgst -sm3 ${original}`,
      expects: [item.digests.sha256, item.digests.sm3],
    },
  ]
  if (item.receipt !== null) {
    files.push(text('receipt.json', item.receipt.json), { name: 'receipt.sig', bytes: fromHex(item.receipt.signature_hex) })
    if (item.receipt.public_key !== undefined) files.push(text('receipt.pem', pemOf(item.receipt.public_key)))
    steps.push({
      code: 'receipt',
      commands: 'openssl dgst -sha256 -verify receipt.pem -signature receipt.sig receipt.json',
      expects: ['Verified OK'],
    })
  }
  if (item.proof !== null) {
    files.push(text('checkpoint.txt', item.proof.checkpoint))
    steps.push({ code: 'log', commands: logCommands(item.proof), expects: [rootOf(item.proof.checkpoint)] })
  }
  return { files, steps }
}
