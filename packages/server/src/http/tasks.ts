import { LIMITS, MailsealError } from '@mailseal/common'
import { isTaskName, PATHS, TASKS, type TaskName, type TaskParameters, taskRequestSchema } from '@mailseal/common/rpc'
import { validate } from '@mailseal/common/schema'
import { runTask } from '../tasks/run-task.ts'
import { readJson } from './body.ts'
import type { App, HttpContext, HttpRequest } from './context.ts'
import { assertConfidential } from './transport.ts'

/** Administrators' tasks: passwords travel with each, so that the connection counts. */
export function taskRoutes(app: App, context: HttpContext): void {
  app.post(`${PATHS.tasks}:task`, async (c) => {
    const task = c.req.param('task')
    if (!isTaskName(task)) throw new MailsealError('not-found', 'there is no such task')
    return c.json(await run(c, context, task))
  })
}

async function run<T extends TaskName>(c: HttpRequest, context: HttpContext, task: T) {
  assertConfidential(c.env.incoming, context.transport)
  const body = await readJson(c, context, LIMITS.requestBody)
  const { requestId, credentials, parameters } = validate(taskRequestSchema, body, 'the request')
  return runTask(context.tasks, task, { requestId, credentials, parameters: readParameters(task, parameters) })
}

function readParameters<T extends TaskName>(task: T, parameters: unknown): TaskParameters<T> {
  return validate(TASKS[task].parameters, parameters, 'the parameters') as TaskParameters<T>
}
