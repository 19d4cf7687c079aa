import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { interleaved } from '../bench/measure.ts'
import { run } from './support/run.ts'

const MAIN = fileURLToPath(new URL('../bench/main.ts', import.meta.url))
const bench = (...args: string[]) => run(process.execPath, [MAIN, ...args])

describe('npm run bench', () => {
  it('measures what is named, and prints its rows', async () => {
    const { exitCode, stdout, stderr } = await bench('enroll', '--quick', '--json')
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const { rows } = JSON.parse(stdout)
    expect(Object.keys(rows[0])).toEqual(['name', 'value', 'unit', 'against', 'againstValue', 'ratio'])
    expect(rows[0]).toMatchObject({ name: 'enroll', unit: '1/s', against: 'sum of its primitives' })
    for (const { value, againstValue, ratio } of rows) {
      expect(value).toBeGreaterThan(0)
      expect(ratio).toBe(value / againstValue)
    }
  })

  it('refuses a name that is none, and lists those that are', async () => {
    const { exitCode, stdout, stderr } = await bench('enroll', 'enrol')
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toBe(
      'bench: error: there is no benchmark "enrol"\nbench: hint: there are: enroll, verify, encrypt\n',
    )
  })
})

describe('interleaved', () => {
  it('goes round by round, and leaves the first round out of the medians', async () => {
    const order: string[] = []
    const contender = (name: string, values: readonly number[]) => async () => {
      order.push(name)
      return values[order.filter((one) => one === name).length - 1] as number
    }
    const medians = await interleaved(
      { rounds: 3 },
      { ours: contender('ours', [100, 1, 3, 2]), theirs: contender('theirs', [0, 7, 7, 9]) },
    )
    expect(medians).toEqual({ ours: 2, theirs: 7 })
    expect(order.join(' ')).toBe('ours theirs ours theirs ours theirs ours theirs')
  })
})
