import { afterAll, beforeAll } from 'vitest'
import { liveOverHttp } from './http/life.ts'
import { httpStep } from './http/steps.ts'
import { makeTemplate } from './km-server.ts'
import { testLives } from './lives.ts'

let template: Awaited<ReturnType<typeof makeTemplate>>
beforeAll(async () => {
  template = await makeTemplate()
})
afterAll(() => template?.end())

testLives("every sequence over HTTP goes as DESIGN, section 5, says, and every refusal is the server's", {
  step: httpStep,
  most: { fast: 18, slow: 30 },
  live: (steps, story) => liveOverHttp(template.folder, steps, story),
})
