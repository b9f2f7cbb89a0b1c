// Walks the built console in headless Chromium: against the server for tests, or against the one that
// ZHIXING_CONSOLE_URL, ZHIXING_CONSOLE_LOGIN and ZHIXING_CONSOLE_PASSWORD name, where it changes nothing.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cases } from '../mock-data.mjs'
import { startMock } from '../mock-server.mjs'
import { walkFaults, walkLogin } from './faults.mjs'
import { logIn, walkPages } from './pages.mjs'
import { walkSigning } from './signing.mjs'
import { Walk } from './walk.mjs'

const given = process.env.ZHIXING_CONSOLE_URL
const real = given === undefined ? null : given.endsWith('/') ? given : `${given}/`
const account = real === null
  ? { login: 'guanli', password: 'Guangyuan-2026' }
  : { login: process.env.ZHIXING_CONSOLE_LOGIN ?? '', password: process.env.ZHIXING_CONSOLE_PASSWORD ?? '' }

if (real === null && !existsSync(fileURLToPath(new URL('../../dist/index.html', import.meta.url)))) {
  process.stderr.write('The pages are not built: run `npm run build` first.\n')
  process.exit(1)
}

const mock = real === null ? await startMock() : null
const walk = await Walk.begin(real ?? mock.url)
try {
  if (mock !== null) await walkLogin(walk)
  else walk.skip('wrong passwords, lock-out and one-time codes', 'they would lock an account of a real server')
  await walk.step('login: the cases open', () => logIn(walk, account.login, account.password))

  const caseWithEvidence = async (page) => {
    if (mock !== null) {
      await page.goto(new URL(`cases/${cases[3].id}`, walk.url).href)
      return
    }
    await page.goto(walk.url)
    const rows = page.locator('tbody tr')
    await rows.first().waitFor()
    const counts = await rows.locator('td:nth-child(6)').allInnerTexts()
    const at = counts.findIndex((count) => count.trim() !== '0')
    if (at === -1) throw new Error('no case on the first page has evidence')
    await rows.nth(at).locator('a').click()
    await page.getByRole('tab', { name: '概况' }).waitFor()
  }
  await walkPages(walk, { caseWithEvidence })

  if (mock !== null) {
    const evidenceWithDifferences = {
      caseUrl: new URL(`cases/${cases[3].id}`, walk.url).href,
      url: new URL(`evidence/${cases[3].evidence[1].statement}`, walk.url).href,
    }
    const urlOf = (place) => new URL(`cases/${cases[place].id}`, walk.url).href
    await walkSigning(walk, mock, { account, caseUrl: urlOf(3), foreignCaseUrl: urlOf(5) })
    await walkFaults(walk, mock, { evidenceWithDifferences, account })
  } else {
    walk.skip('signing, faults, revoking and enrolling', 'they need the server for tests')
  }
} finally {
  await walk.end()
  await mock?.close()
}
process.exitCode = walk.failed > 0 ? 1 : 0
