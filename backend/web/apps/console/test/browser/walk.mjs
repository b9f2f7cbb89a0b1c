// What a walk needs: a browser, steps that are counted, and the checks that hold on every page.
import { mkdtemp, mkdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

export class Walk {
  passed = 0
  failed = 0
  skipped = 0
  /** What the browser complained about since the last step: scripts, content policy, foreign hosts. */
  complaints = []

  static async begin(url) {
    const walk = new Walk()
    walk.url = url
    walk.pictures = process.env.ZHIXING_SCREENSHOTS ?? (await mkdtemp(join(tmpdir(), 'zhixing-console-')))
    await mkdir(walk.pictures, { recursive: true })
    walk.profile = await mkdtemp(join(tmpdir(), 'zhixing-profile-'))
    walk.context = await chromium.launchPersistentContext(walk.profile, {
      executablePath: process.env.ZHIXING_CHROMIUM ?? '/usr/bin/chromium',
      args: FLAGS,
      headless: true,
      viewport: { width: 1280, height: 900 },
      locale: 'zh-CN',
      // Pages show Shanghai time whatever the computer is set to.
      timezoneId: 'America/New_York',
      acceptDownloads: true,
      ignoreHTTPSErrors: process.env.ZHIXING_CONSOLE_URL !== undefined,
    })
    walk.page = walk.context.pages()[0] ?? (await walk.context.newPage())
    walk.page.setDefaultTimeout(10_000)
    const { page, complaints } = walk
    const host = new URL(url).host
    page.on('pageerror', (error) => complaints.push(`script: ${error.message}`))
    page.on('console', (message) => {
      // A refused request is part of some steps; that it is shown to the person is what they check.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(message.text())
    })
    page.on('request', (request) => {
      const address = new URL(request.url())
      if (['http:', 'https:'].includes(address.protocol) && address.host !== host) complaints.push(`request to ${address.host}`)
    })
    return walk
  }

  async step(name, act) {
    try {
      await act(this.page)
      if (this.complaints.length > 0) throw new Error(this.complaints.join('; '))
      this.passed += 1
      process.stdout.write(`ok      ${name}\n`)
    } catch (error) {
      this.failed += 1
      process.stdout.write(`FAILED  ${name}\n        ${String(error.message).split('\n').slice(0, 12).join('\n        ')}\n`)
      await this.picture(`failed-${this.failed}`)
      // An open dialog would fail every step behind this one.
      await this.page.reload().catch(() => undefined)
    }
    this.complaints.length = 0
  }

  skip(name, why) {
    this.skipped += 1
    process.stdout.write(`skipped: ${name}: ${why}\n`)
  }

  async picture(name) {
    await this.page.screenshot({ path: join(this.pictures, `${name}.png`), fullPage: true })
  }

  /** No accessibility violation, nothing wider than the window or cut off, no key of a missing text; then a picture. */
  async examine(name) {
    const { page } = this
    await page.waitForFunction(() => document.querySelector('.load__skeleton') === null)
    // Dialogs fade in; colours are only final afterwards.
    await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== 'running' || animation.effect?.getTiming().iterations === Infinity))
    await this.fits(name)
    await page.evaluate(axeSource)
    const found = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }), RULES)
    const told = found.violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.target.join(' ')} ${node.failureSummary?.split('\n')[1] ?? ''}`).slice(0, 3).join(' | ')}`)
    if (told.length > 0) {
      await this.picture(name)
      throw new Error(`axe on ${name}: ${told.join('\n')}`)
    }
    const keys = await page.evaluate(() => document.body.innerText.match(/\b[a-z_]+(\.[a-z_]+){1,3}\b/g) ?? [])
    const missing = keys.filter((key) => /^(app|cases|case|today|gate|set_aside|set_aside_effect|set_aside_reason|stand|measures|property|verdicts|acts|papers|checklist|measure_target|rule_verdict|overview|timeline|documents|grid|evidence|bracket|facts|self|devices|revoke|enrol|system|login|renew|help|problem|load|flag|fact|check)\./.test(key) && !key.endsWith('.jsonl') && !/^case\.(filed|assigned|released|head|note)|^evidence\.(sealed|received|capture|segment|import|derivative|assign)/.test(key))
    if (missing.length > 0) throw new Error(`texts without words on ${name}: ${missing.join(', ')}`)
    await this.picture(name)
  }

  async fits(name) {
    const wide = await this.page.evaluate(() => {
      const limit = document.documentElement.clientWidth
      if (document.documentElement.scrollWidth <= limit) return null
      const out = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > limit + 1 && element.closest('.zx-scroll, pre') === null)
      return `${document.documentElement.scrollWidth} > ${limit}: ${out.slice(-3).map((element) => `${element.tagName}.${element.className}`).join(', ')}`
    })
    const cut = await this.page.evaluate(() => {
      const cutting = [...document.querySelectorAll('#main *, [role="dialog"] *')].filter((element) => {
        const style = getComputedStyle(element)
        const small = element.clientWidth <= 1 || element.closest('[aria-hidden="true"], .zx-hidden') !== null
        return style.overflowX === 'hidden' && !small && element.innerText?.trim() !== '' && element.scrollWidth > element.clientWidth + 1
      })
      return cutting.map((element) => `${element.tagName}.${element.className}`)
    })
    if (cut.length > 0) {
      await this.picture(`cut-${name}`)
      throw new Error(`${name} cuts text off: ${cut.join(', ')}`)
    }
    if (wide !== null) {
      await this.picture(`wide-${name}`)
      throw new Error(`${name} is wider than the window: ${wide}`)
    }
  }

  /** Runs `act` in a window of another size, then goes back. */
  async inWindow(width, height, act) {
    await this.page.setViewportSize({ width, height })
    try {
      await act()
    } finally {
      await this.page.setViewportSize({ width: 1280, height: 900 })
    }
  }

  /** Runs `act` with text of twice the size. */
  async withLargeText(act) {
    const set = (size) => this.page.evaluate((value) => { document.documentElement.style.fontSize = value }, size)
    await set('200%')
    try {
      await act()
    } finally {
      await set('')
    }
  }

  async end() {
    await this.context.close()
    await rm(this.profile, { recursive: true, force: true })
    process.stdout.write(`screenshots: ${this.pictures}\nbrowser: ${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped\n`)
  }
}

/** Fails with both values where they differ. */
export function equal(found, wanted, what) {
  if (found !== wanted) throw new Error(`${what}: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`)
}

export function holds(condition, what) {
  if (!condition) throw new Error(what)
}
