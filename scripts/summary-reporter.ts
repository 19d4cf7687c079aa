import type { Reporter, TestModule } from 'vitest/node'

/** Ends every run of the tests with one line, `N passed, N failed, N skipped`, for people and for scripts. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) {
      const states = [...module.children.allTests()].map((test) => test.result().state)
      for (const state of states) count[state === 'pending' ? 'skipped' : state] += 1
      // A file that can't even be loaded, or whose hooks fail, holds no test that failed.
      if (module.state() === 'failed' && !states.includes('failed')) count.failed += 1
    }
    process.stdout.write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`)
  }
}
