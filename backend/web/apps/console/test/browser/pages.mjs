// The walk that every server allows: it looks at each page and changes nothing.
import { equal, holds } from './walk.mjs'

const SIZES = [[1920, 1080, 'wide'], [390, 844, 'phone']]

export async function logIn(walk, login, password) {
  const { page } = walk
  await page.goto(new URL('login', walk.url).href)
  await page.getByLabel('登录名').fill(login)
  await page.getByLabel('密码').fill(password)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: '案件', level: 1 }).waitFor()
}

async function inAllSizes(walk, name) {
  await walk.examine(`${name}-zh`)
  for (const [width, height, word] of SIZES) await walk.inWindow(width, height, () => walk.examine(`${name}-zh-${word}`))
  await walk.withLargeText(() => walk.examine(`${name}-zh-large`))
}

export async function walkPages(walk, { caseWithEvidence }) {
  await walk.step('cases: listed, and a page fits every window', async (page) => {
    await page.locator('a[data-row]').first().waitFor()
    await inAllSizes(walk, 'cases')
  })

  await walk.step('cases: the slash goes to the search, arrows move between rows, Enter opens', async (page) => {
    await page.goto(walk.url)
    await page.locator('a[data-row]').first().waitFor()
    await page.keyboard.press('/')
    equal(await page.evaluate(() => document.activeElement?.id), 'case-search', 'element with the focus')
    const rows = page.locator('a[data-row]')
    await rows.first().focus()
    if ((await rows.count()) > 1) {
      await page.keyboard.press('ArrowDown')
      holds(await rows.nth(1).evaluate((row) => row === document.activeElement), 'the second row has the focus')
    }
    await page.keyboard.press('Enter')
    await page.getByRole('tab', { name: '概况' }).waitFor()
    equal(await page.evaluate(() => document.activeElement?.id), 'main', 'a new page begins at its start')
  })

  let caseUrl = ''
  await walk.step('case: overview with parties, amount and head', async (page) => {
    await caseWithEvidence(page)
    caseUrl = page.url()
    await page.getByRole('heading', { name: '当事人' }).waitFor()
    await inAllSizes(walk, 'case-overview')
  })

  await walk.step('case: duties with date, law and how it was counted', async (page) => {
    await page.getByRole('tab', { name: '规范提示' }).click()
    await page.waitForURL(/\/duties$/)
    await page.getByRole('heading', { name: '执行期限六个月' }).waitFor()
    const duty = page.locator('.duties > li').filter({ hasText: '执行期限六个月' })
    await duty.getByText('依据与计算').click()
    await duty.getByText('号事件').waitFor()
    if ((await duty.locator('dd[lang="en"]').count()) > 0) throw new Error('a Chinese page tells in English what happens')
    await inAllSizes(walk, 'case-duties')
    await page.goto(caseUrl)
    await page.getByRole('heading', { name: '当事人' }).waitFor()
  })

  await walk.step('case: the arrow key opens the timeline; raw data unfold', async (page) => {
    await page.getByRole('tab', { name: '概况' }).focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/timeline$/)
    await page.getByRole('heading', { name: '立案' }).first().waitFor()
    await page.getByText('详细内容与原始数据').first().click()
    holds((await page.locator('.timeline pre').first().innerText()).startsWith('{"'), 'canonical JSON is shown')
    holds(/^[0-9a-f]{64}$/.test(await page.locator('.timeline .digest code').first().innerText()), 'the cause is a hash')
    await inAllSizes(walk, 'case-timeline')
  })

  await walk.step('case: why each other rule does not prompt, filtered', async (page) => {
    await page.getByRole('tab', { name: '规范提示' }).click()
    await page.getByRole('button', { name: '列出全部规则' }).click()
    await page.getByRole('region', { name: '其余规则为何没有提示' }).locator('tbody tr').first().waitFor()
    await page.getByLabel('规则编号或名称').fill('S06-16')
    const rows = page.getByRole('region', { name: '其余规则为何没有提示' }).locator('tbody tr')
    holds((await rows.allInnerTexts()).every((text) => text.includes('S06-16')), 'only the rule that was asked for')
    await walk.examine('case-verdicts-zh')
  })

  await walk.step('case: checklists name the event behind each item; the other step is a key away', async (page) => {
    await page.getByRole('tab', { name: '结案核对' }).click()
    await page.waitForURL(/\/checklists$/)
    await page.getByText('立案之日起超过三个月').waitFor()
    await inAllSizes(walk, 'case-checklists')
    await page.getByRole('radio', { name: '终结本次执行程序前' }).focus()
    await page.keyboard.press('ArrowRight')
    await page.getByText('义务已全部履行').waitFor()
    equal(await page.getByText('立案之日起超过三个月').count(), 0, 'items of the other step')
    await page.keyboard.press('ArrowLeft')
    await page.getByText('立案之日起超过三个月').waitFor()
    const proof = page.getByRole('link', { name: /号事件/ }).first()
    if ((await proof.count()) > 0) {
      const event = /event-\d+/.exec(await proof.getAttribute('href'))?.[0] ?? ''
      await proof.click()
      await page.waitForURL(/\/timeline#event-/)
      await page.waitForFunction((name) => { const box = document.getElementById(name)?.getBoundingClientRect(); return box !== undefined && box.top >= 0 && box.top < innerHeight }, event)
    }
  })

  await walk.step('case: acts on site and papers, or what to do while there are none', async (page) => {
    await page.getByRole('tab', { name: '现场行为' }).click()
    await page.waitForURL(/\/acts$/)
    await page.locator('.act, .load__empty').first().waitFor()
    await inAllSizes(walk, 'case-acts')
    await page.getByRole('tab', { name: '制作文书' }).click()
    await page.waitForURL(/\/papers$/)
    await page.locator('.papers, .load__empty').first().waitFor()
    await inAllSizes(walk, 'case-papers')
    const link = page.getByRole('link', { name: /打开 PDF/ }).first()
    if ((await link.count()) > 0) {
      const response = await page.request.get(new URL(await link.getAttribute('href'), page.url()).href)
      equal((await response.body()).subarray(0, 5).toString(), '%PDF-', 'first bytes of the paper')
    }
  })

  await walk.step('case: documents open', async (page) => {
    await page.getByRole('tab', { name: /^文书/ }).click()
    await page.waitForURL(/\/documents$/)
    const link = page.getByRole('link', { name: /打开/ }).first()
    if ((await link.count()) > 0) {
      const response = await page.request.get(new URL(await link.getAttribute('href'), page.url()).href)
      equal(response.status(), 200, 'status of the document')
    }
    await inAllSizes(walk, 'case-documents')
    const look = page.getByRole('button', { name: /^查看/ }).first()
    if ((await look.count()) > 0) {
      await look.click()
      const picture = page.locator('.documents__picture')
      await picture.waitFor()
      await page.waitForFunction(() => (document.querySelector('.documents__picture')?.naturalWidth ?? 0) > 0)
      await walk.examine('document-picture-zh')
      await page.keyboard.press('Escape')
      await picture.waitFor({ state: 'hidden' })
      holds(await look.evaluate((button) => button === document.activeElement), 'the focus is back on the button')
    }
  })

  await walk.step('case: evidence with thumbnails', async (page) => {
    await page.getByRole('tab', { name: '证据' }).click()
    await page.waitForURL(/\/evidence$/)
    await page.locator('.grid__card').first().waitFor()
    await page.waitForFunction(() => [...document.querySelectorAll('.grid img')].some((image) => image.complete && image.naturalWidth > 0))
    await inAllSizes(walk, 'case-evidence')
  })

  await walk.step('evidence: time, facts beside claims, checks, receipt and proof', async (page) => {
    await page.locator('.grid__card').first().focus()
    await page.keyboard.press('Enter')
    for (const name of ['形成时间', '保障等级', '设备记录与文件自带信息', '核验结果', '摘要', '保管回执', '日志收录证明', '自行核验']) {
      await page.getByRole('heading', { name, exact: true }).waitFor()
    }
    equal(await page.locator('[aria-current="step"]').count(), 1, 'levels marked as this item’s')
    holds((await page.locator('.chart__row--wall').innerText()).includes('仅为自称'), 'the wall time is marked as a claim')
    await inAllSizes(walk, 'evidence')
  })

  await walk.step('today: what is due in all cases, by filters that stand in the address', async (page) => {
    await page.getByRole('navigation', { name: '主导航' }).getByRole('link', { name: '今日' }).click()
    await page.getByRole('heading', { name: '今日', level: 1 }).waitFor()
    await page.locator('.day > li, .load__empty').first().waitFor()
    await inAllSizes(walk, 'today')
    await page.getByLabel('状态').selectOption('overdue')
    await page.waitForURL(/standing=overdue/)
    await page.locator('.load[aria-busy="false"]').waitFor()
    holds((await page.locator('.day__duties .mark').allInnerTexts()).every((text) => !/还有 \d+ 日/.test(text)), 'nothing that is not overdue')
    await page.getByLabel('状态').selectOption('')
    await page.waitForURL((address) => !address.search.includes('standing'))
  })

  await walk.step('set aside: statements without effect, by result', async (page) => {
    await page.goto(new URL('set-aside', walk.url).href)
    await page.getByRole('heading', { name: '未生效声明', level: 1 }).waitFor()
    await inAllSizes(walk, 'set-aside')
    await page.getByLabel('结果').selectOption('held')
    await page.waitForURL(/effect=held/)
    await page.locator('.load[aria-busy="false"]').waitFor()
    holds((await page.locator('.aside__why .mark').allInnerTexts()).every((text) => text.includes('暂存')), 'only what is held')
  })

  await walk.step('gate: batches and what lies aside, or how to begin', async (page) => {
    await page.goto(new URL('gate', walk.url).href)
    await page.getByRole('heading', { name: '数据交换', level: 1 }).waitFor()
    await inAllSizes(walk, 'gate')
  })

  await walk.step('rules: listed with law, limit and how far checked; filters stand in the address; a rule shows whom it prompts', async (page) => {
    await page.getByRole('navigation', { name: '主导航' }).getByRole('link', { name: '规则' }).click()
    await page.getByRole('heading', { name: '规则', level: 1 }).waitFor()
    const rows = page.locator('.rules > li')
    await rows.first().waitFor()
    await inAllSizes(walk, 'rules')
    const all = await rows.count()
    await page.getByLabel('效力').selectOption('true')
    await page.waitForURL(/hard=true/)
    await page.waitForFunction((before) => { const now = document.querySelectorAll('.rules > li').length; return now > 0 && now < before }, all)
    await page.keyboard.press('/')
    await page.keyboard.type('S02-01')
    await page.keyboard.press('Enter')
    await page.waitForURL(/query=S02-01/)
    await page.waitForFunction(() => document.querySelectorAll('.rules > li').length === 1)
    await page.reload()
    await rows.first().waitFor()
    equal(await rows.count(), 1, 'rules after the page was loaded again')
    await rows.first().locator('summary').click()
    await page.getByRole('button', { name: '列出案件 S02-01' }).click()
    await page.locator('.details__cases li, .details dd p').last().waitFor()
    await inAllSizes(walk, 'rule-opened')
    await page.getByLabel('搜索规则').fill('没有这样的规则')
    await page.keyboard.press('Enter')
    await page.getByText('没有符合条件的规则').waitFor()
    await page.getByRole('button', { name: '清除条件' }).click()
    await page.waitForFunction((before) => document.querySelectorAll('.rules > li').length === before, all)
  })

  await walk.step('devices: listed; the enrolment dialog opens and closes by keyboard', async (page) => {
    await page.getByRole('navigation', { name: '主导航' }).getByRole('link', { name: '设备' }).click()
    await page.getByRole('heading', { name: '设备', level: 1 }).waitFor()
    await inAllSizes(walk, 'devices')
    await page.getByRole('button', { name: '登记新设备' }).focus()
    await page.keyboard.press('Enter')
    await page.getByLabel('设备名称').waitFor()
    await walk.examine('enrol-form-zh')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
  })

  await walk.step('system: state of store, log and jobs', async (page) => {
    await page.getByRole('navigation', { name: '主导航' }).getByRole('link', { name: '系统' }).click()
    await page.getByRole('heading', { name: '公开日志' }).waitFor()
    await inAllSizes(walk, 'system')
  })

  await walk.step('help: the question mark shows the keys, Escape closes them', async (page) => {
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: '键盘快捷键' }).waitFor()
    await walk.examine('help-zh')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
  })

  await walk.step('English: every page in the other language, which is remembered', async (page) => {
    await page.getByRole('button', { name: 'English' }).click()
    equal(await page.evaluate(() => document.documentElement.lang), 'en', 'language of the page')
    await page.goto(walk.url)
    await page.getByRole('heading', { name: 'Cases', level: 1 }).waitFor()
    await walk.examine('cases-en')
    for (const [tab, word] of [['', 'overview'], ['/timeline', 'timeline'], ['/documents', 'documents'], ['/evidence', 'evidence']]) {
      await page.goto(caseUrl + tab)
      await page.getByRole('tab', { name: 'Overview' }).waitFor()
      await walk.examine(`case-${word}-en`)
    }
    await page.locator('.grid__card').first().click()
    await page.getByRole('heading', { name: 'Check it yourself' }).waitFor()
    await walk.examine('evidence-en')
    for (const name of ['Rules', 'Devices', 'System']) {
      await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name }).click()
      await page.getByRole('heading', { name, level: 1 }).waitFor()
      await walk.examine(`${name.toLowerCase()}-en`)
    }
    await page.getByRole('button', { name: '中文' }).click()
    equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN', 'language of the page')
  })

  await walk.step('an address that does not exist says so', async (page) => {
    await page.goto(new URL('cases/nowhere/else', walk.url).href)
    await page.getByRole('heading', { name: '没有这个页面' }).waitFor()
    await walk.examine('missing-zh')
  })
}
