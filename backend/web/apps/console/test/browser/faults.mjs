// Steps that need the server for tests: wrong passwords, faults, ended sessions, and acts that change something.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { equal, holds } from './walk.mjs'

const run = promisify(execFile)

export async function walkLogin(walk) {
  await walk.step('login: wrong passwords are told, what was typed stays, and a lock names its remaining time', async (page) => {
    await page.goto(new URL('devices', walk.url).href)
    await page.waitForURL(/\/login\?to=/)
    await walk.examine('login-zh')
    await page.getByLabel('登录名').fill('fanlin')
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await page.getByLabel('密码').fill('wrong')
      await page.getByRole('button', { name: '登录', exact: true }).click()
      await page.getByText('登录名、密码或动态码不正确。').waitFor()
      equal(await page.getByLabel('登录名').inputValue(), 'fanlin', 'login that was typed')
      equal(await page.getByLabel('密码').inputValue(), 'wrong', 'password that was typed')
    }
    await page.getByRole('button', { name: '登录', exact: true }).click()
    await page.getByText('此账号已暂时锁定。').waitFor()
    holds(/请在 \d\d:\d\d 以后再试/.test(await page.getByRole('alert').innerText()), 'the alert names the time')
    holds(/还需等待 1 分 \d\d 秒/.test(await page.getByRole('timer').innerText()), 'the remaining time is shown')
    holds(await page.getByRole('button', { name: '登录', exact: true }).isDisabled(), 'no further attempt while locked')
    await walk.examine('login-locked-zh')
  })

  await walk.step('login: a one-time code is asked for, by keyboard alone, and the wanted page opens', async (page) => {
    await page.reload()
    await page.getByLabel('登录名').focus()
    await page.keyboard.type('zhiban')
    await page.keyboard.press('Tab')
    await page.keyboard.type('Zhaohua-2026')
    await page.keyboard.press('Enter')
    await page.getByLabel('动态码').waitFor()
    await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'totp')
    equal(await page.getByLabel('密码').inputValue(), 'Zhaohua-2026', 'password that was typed')
    await walk.examine('login-totp-zh')
    await page.keyboard.type('246 810')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: '设备', level: 1 }).waitFor()
    await page.getByRole('button', { name: '退出登录' }).click()
    await page.getByLabel('登录名').waitFor()
  })
}

export async function walkFaults(walk, mock, { evidenceWithDifferences, account }) {
  await walk.step('cases: search, court, more rows and nothing found', async (page) => {
    await page.goto(walk.url)
    await page.locator('a[data-row]').first().waitFor()
    equal(await page.locator('a[data-row]').count(), 20, 'rows of the first page')
    mock.fail('cases', 'internal')
    await page.getByRole('button', { name: '继续加载' }).click()
    await page.getByText('服务器出现故障。').waitFor()
    await page.getByRole('button', { name: '继续加载' }).click()
    await page.waitForFunction(() => document.querySelectorAll('a[data-row]').length === 40)
    await page.getByLabel('搜索案件').fill('执123')
    await page.waitForURL(/query=/)
    await page.waitForFunction(() => document.querySelectorAll('a[data-row]').length === 1)
    await page.getByLabel('法院', { exact: true }).selectOption('川0802')
    await page.getByText('没有符合条件的案件。').waitFor()
    await walk.examine('cases-none-zh')
    await page.goBack()
    await page.goto(walk.url)
    await page.locator('a[data-row]').first().waitFor()
  })

  await walk.step('a page that cannot be read says why and tries again', async (page) => {
    mock.fail('cases', 'portal')
    await page.goto(walk.url)
    await page.getByText('连不上法院服务器。').waitFor()
    await walk.examine('cases-unreachable-zh')
    await page.getByRole('button', { name: '重试' }).click()
    await page.locator('a[data-row]').first().waitFor()
  })

  await walk.step('old data are marked as old when a refresh fails', async (page) => {
    await page.goto(new URL('system', walk.url).href)
    await page.getByRole('heading', { name: '公开日志' }).waitFor()
    mock.fail('system', 'internal')
    await page.getByRole('button', { name: '刷新' }).click()
    await page.getByText(/显示的是 \d\d:\d\d 的数据/).waitFor()
    await page.getByRole('heading', { name: '公开日志' }).waitFor()
    await walk.examine('system-old-zh')
  })

  await walk.step('timeline: further events load, and an unknown kind keeps its raw data', async (page) => {
    await page.goto(`${evidenceWithDifferences.caseUrl}/timeline`)
    await page.getByRole('button', { name: /继续加载/ }).click()
    await page.getByText('此版本页面还不认识“assist.asked”类事件').waitFor()
    equal(await page.getByRole('button', { name: /继续加载/ }).count(), 0, 'buttons for more events')
  })

  await walk.step('evidence: differences between facts and claims are marked; the original is shown', async (page) => {
    await page.goto(evidenceWithDifferences.url)
    await page.getByText('有 2 项不一致').waitFor()
    const rows = await page.locator('.facts--differs').allInnerTexts()
    holds(rows.some((row) => row.startsWith('拍摄时间') && row.includes('相差 2 天')), `the time differs: ${rows.join(' / ')}`)
    holds(rows.some((row) => row.startsWith('地点') && row.includes('km')), `the place differs: ${rows.join(' / ')}`)
    equal(rows.length, 2, 'rows that differ')
    await page.getByRole('button', { name: '查看原件' }).click()
    await page.waitForFunction(() => (document.querySelector('.media__original')?.naturalWidth ?? 0) > 0)
    await walk.examine('evidence-differs-zh')
  })

  await walk.step('evidence: the files and commands it offers prove it with stock tools', async (page) => {
    const folder = await mkdtemp(join(tmpdir(), 'zhixing-self-'))
    try {
      for (const button of await page.locator('.self__files button').all()) {
        const [download] = await Promise.all([page.waitForEvent('download'), button.click()])
        await download.saveAs(join(folder, download.suggestedFilename()))
      }
      const original = page.locator('.self__original')
      const response = await page.request.get(new URL(await original.getAttribute('href'), page.url()).href)
      await writeFile(join(folder, await original.getAttribute('download')), await response.body())
      const steps = page.locator('.self__steps > li')
      equal(await steps.count(), 5, 'steps')
      for (const step of await steps.all()) {
        const commands = await step.locator('pre').innerText()
        const expected = await step.locator('.self__line').allInnerTexts()
        const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', commands], { cwd: folder })
        for (const line of expected) holds(stdout.includes(line), `${commands}\nprinted ${stdout}\nwanted ${line}`)
        if (commands.includes('base64 node')) {
          const lines = stdout.trim().split('\n')
          equal(lines.at(-2), lines.at(-1), 'root that was computed and root of the checkpoint')
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  await walk.step('evidence: an import without trusted start, with a clock ten years off', async (page) => {
    await page.goto(`${evidenceWithDifferences.caseUrl}/evidence`)
    await page.locator('.grid__card').filter({ hasText: '导入文件' }).click()
    await page.getByText('只有一端有可信时间').waitFor()
    await page.getByText('没有推定时间：').waitFor()
    await walk.examine('evidence-import-zh')
  })

  await walk.step('gate: a batch goes on only once the consequences are understood; a fault keeps the question open', async (page) => {
    await page.goto(new URL('gate', walk.url).href)
    await page.getByText('逐行原因').click()
    await page.getByText('cases.jsonl 第 12 行').waitFor()
    await page.getByRole('button', { name: /^从此批继续/ }).click()
    const dialog = page.getByRole('dialog')
    const go = dialog.getByRole('button', { name: '从此批继续' })
    holds(await go.isDisabled(), 'it cannot be done before that')
    await dialog.getByText('我已了解上述后果').click()
    await walk.examine('gate-release-zh')
    mock.fail('gate', 'internal')
    await go.click()
    await dialog.getByRole('alert').waitFor()
    await go.click()
    await page.getByText('已放回，下次运行时判断').waitFor()
    equal(await page.getByRole('button', { name: /^重新判断/ }).count(), 0, 'batches left in quarantine')
  })

  await walk.step('devices: revoking tells the consequences, keeps what was typed through a fault and an ended session', async (page) => {
    await page.goto(new URL('devices', walk.url).href)
    await page.getByRole('button', { name: '撤销 执行一组 记录仪采集站' }).click()
    const dialog = page.getByRole('dialog', { name: /撤销设备/ })
    await dialog.getByText('还有 3 件证据没有上传').waitFor()
    await dialog.getByRole('button', { name: '撤销此设备' }).click()
    await dialog.getByText('请选择原因').waitFor()
    await dialog.getByText('遗失', { exact: true }).click()
    await dialog.getByLabel('说明（可不填）').fill('11 月 22 日下乡途中遗失。')
    await dialog.getByText('我已了解上述后果').click()
    equal(await dialog.getByText('请选择原因').count(), 0, 'complaints once all is filled in')
    await walk.examine('revoke-zh')
    await walk.inWindow(390, 844, () => walk.examine('revoke-zh-phone'))
    mock.fail('devices', 'internal')
    await dialog.getByRole('button', { name: '撤销此设备' }).click()
    await dialog.getByText('服务器出现故障。').waitFor()
    equal(await dialog.getByLabel('说明（可不填）').inputValue(), '11 月 22 日下乡途中遗失。', 'text that was typed')
    mock.expire()
    await dialog.getByRole('button', { name: '撤销此设备' }).click()
    const renew = page.getByRole('dialog', { name: '登录已失效' })
    await renew.waitFor()
    await walk.examine('renew-zh')
    await renew.getByLabel('登录名').fill(account.login)
    await renew.getByLabel('密码').fill(account.password)
    await page.keyboard.press('Enter')
    await page.getByText('“执行一组 记录仪采集站”已撤销').waitFor()
    equal(await page.getByRole('button', { name: '撤销 执行一组 记录仪采集站' }).count(), 0, 'buttons to revoke it again')
    await walk.examine('devices-revoked-zh')
  })

  await walk.step('devices: an enrolment code is a picture that holds no markup of the page', async (page) => {
    await page.getByRole('button', { name: '登记新设备' }).click()
    const dialog = page.getByRole('dialog', { name: '登记新设备' })
    await dialog.getByRole('button', { name: '生成登记码' }).click()
    await dialog.getByText('请选择使用人并填写设备名称。').waitFor()
    await dialog.getByLabel('使用人').selectOption({ index: 3 })
    await dialog.getByLabel('设备名称').fill('执行一组 3 号手机')
    mock.fail('enrol-tickets', 'conflict', 409)
    await dialog.getByRole('button', { name: '生成登记码' }).click()
    await dialog.getByText('内容已被他人更改。').waitFor()
    equal(await dialog.getByLabel('设备名称').inputValue(), '执行一组 3 号手机', 'name that was typed')
    await dialog.getByRole('button', { name: '生成登记码' }).click()
    await page.waitForFunction(() => (document.querySelector('.enrol__code')?.naturalWidth ?? 0) > 0)
    equal(await page.locator('.enrol svg').count(), 0, 'SVG elements in the page')
    await walk.examine('enrol-code-zh')
    await walk.inWindow(390, 844, () => walk.examine('enrol-code-zh-phone'))
    await dialog.getByRole('button', { name: '完成并关闭' }).click()
    await dialog.waitFor({ state: 'hidden' })
  })

  await walk.step('logging out ends the session', async (page) => {
    await page.getByRole('button', { name: '退出登录' }).click()
    await page.getByLabel('登录名').waitFor()
    holds(mock.seen.includes('POST logout'), 'the server was told')
    await page.goto(new URL('devices', walk.url).href)
    await page.waitForURL(/\/login\?to=/)
  })
}
