import type { Outcome, Tone } from '@zhixing/ui'

export function outcomeTone(outcome: Outcome): Tone {
  switch (outcome) {
    case 'verified':
      return 'good'
    case 'awaited':
      return 'plain'
    case 'unreadable':
    case 'mismatch':
      return 'bad'
  }
}
