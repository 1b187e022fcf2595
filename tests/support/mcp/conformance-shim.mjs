// What the conformance suite starts for each scenario: hands it to the process that runs the test, and ends as that says.
import { connect } from 'node:net';

const [socketPath, url] = process.argv.slice(2);
const { MCP_CONFORMANCE_SCENARIO: scenario, MCP_CONFORMANCE_CONTEXT: context } = process.env;
const socket = connect(socketPath);
let answer = '';
socket.setEncoding('utf8');
socket.on('data', (chunk) => (answer += chunk));
socket.on('end', () => {
  if (answer !== 'ok') process.stderr.write(`${answer}\n`);
  process.exitCode = answer === 'ok' ? 0 : 1;
});
socket.write(`${JSON.stringify({ url, scenario, context })}\n`);
