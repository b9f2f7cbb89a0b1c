// The money of a case, for tests of the pages: enough of a ledger to see that what was signed changes what is shown.
const rejected = (reason) => ({ effect: 'rejected', reason })

export function makeMoney(parties) {
  const payments = [
    { payment: 'p-1', seq: 40, amount_fen: 3_000_000, at: '2026-11-10', payer: '蒲光明', method: 'transfer', confirmed: '2026-11-11', claimed: '2026-11-12', returned: null },
    { payment: 'p-2', seq: 44, amount_fen: 50_000, at: '2026-11-20', payer: null, method: 'cash', confirmed: '2026-11-21', claimed: null, returned: null },
  ]
  const requests = [
    { request: 'q-1', seq: 45, amount_fen: 1_000_000, at: '2026-11-15', by: '唐毅', asker: null, payee: '陈国栋', account: '6222000000000000001', purpose: 'disbursement', standing: 'open', decided: null, settled: null, failure: null },
    { request: 'q-2', seq: 42, amount_fen: 200_000, at: '2026-11-13', by: '唐毅', asker: null, payee: '陈国栋', account: '6222000000000000000', purpose: 'disbursement', standing: 'failed', decided: { at: '2026-11-13', by: '范琳', reason: 'complete' }, settled: '2026-11-14', failure: 'account_closed' },
  ]
  const sum = (list) => list.reduce((total, one) => total + one.amount_fen, 0)
  const standing = (...wanted) => sum(requests.filter((one) => wanted.includes(one.standing)))
  const came = () => sum(payments.filter((one) => one.claimed !== null && one.confirmed !== null))
  const free = () => came() - standing('open', 'approved', 'paid')
  return {
    take(type, fact, openings, who) {
      if (type === 'funds.claim/1') payments.find((one) => one.payment === fact.payment).claimed = fact.at
      else if (type === 'funds.request/1') {
        if (fact.amount_fen > free()) return { effect: 'conflict', current: 'funds_too_little' }
        requests.push({ request: fact.request, seq: 50, amount_fen: fact.amount_fen, at: fact.at, by: who.name, asker: who.id, payee: openings.payee?.value ?? null, account: openings.account?.value ?? null, purpose: fact.purpose, standing: 'open', decided: null, settled: null, failure: null })
      } else {
        const request = requests.find((one) => one.request === fact.request)
        if (request.asker === who.id && fact.decision !== 'withdraw') return rejected('own_request')
        request.standing = { approve: 'approved', refuse: 'refused', withdraw: 'withdrawn' }[fact.decision]
        request.decided = { at: fact.at, by: who.name, reason: fact.reason }
      }
      return { effect: 'applied' }
    },
    shown: (who) => ({
      bank_fen: sum(payments) - standing('paid'),
      unclaimed_fen: sum(payments) - came(),
      free_fen: free(),
      asked_fen: standing('open'),
      payable_fen: standing('approved'),
      paid_fen: standing('paid'),
      payments,
      requests: requests.map(({ asker, ...request }) => ({ ...request, own: asker === who.id })),
      parties: parties.map(({ party, role, name }) => ({ party, role, name })),
      may_ask: true,
      may_decide: true,
    }),
  }
}
