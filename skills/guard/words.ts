// What the guard looks for: sending things away, and words that direct the model.
import { rule, SECRET_FILES, type GuardPattern } from './pattern.ts';

const SECRET_NAMES = '(?:[a-z0-9_]*(?:api_?key|token|secret|passw(?:or)?d|private_key|access_key)[a-z0-9_]*)';
const SEND = '(?:curl|wget|nc|ncat|fetch|requests\\.(?:post|put|get)|http\\.request|axios|invoke-webrequest|scp|rsync)';

export const exfiltration: readonly GuardPattern[] = [
  rule('exfiltration', 'critical', 'sends files with secrets away', `\\b${SEND}\\b.{0,160}${SECRET_FILES}`),
  rule(
    'exfiltration',
    'critical',
    'sends files with secrets away',
    `${SECRET_FILES}.{0,120}\\|\\s*(?:base64.{0,40}\\|\\s*)?(?:curl|wget|nc|ncat)\\b`,
  ),
  rule(
    'exfiltration',
    'critical',
    'sends the whole environment away',
    '\\b(?:env|printenv|set)\\b\\s*\\|.{0,80}\\b(?:curl|wget|nc|ncat)\\b',
  ),
  rule(
    'exfiltration',
    'critical',
    'sends the whole environment away',
    '(?:requests\\.post|fetch|axios\\.post|urlopen)\\(.{0,160}(?:os\\.environ|process\\.env)\\b(?!\\s*(?:\\[|\\.get|\\.[a-z_]))',
  ),
  rule(
    'exfiltration',
    'high',
    'puts a secret of the environment into an address',
    `https?://[^\\s"'\`]{0,160}\\$\\{?${SECRET_NAMES}`,
  ),
  rule('exfiltration', 'high', 'sends data over name lookups', '\\b(?:dig|nslookup|host)\\b[^\\n]{0,80}\\$[({]'),
  rule(
    'exfiltration',
    'high',
    'asks to send what was said, or the prompt, elsewhere',
    '\\b(?:send|post|upload|forward|transmit|exfiltrate|leak)\\b.{0,60}\\b(?:conversation|chat history|system prompt|transcript|memory)\\b.{0,60}\\bto\\b.{0,20}(?:https?:|webhook|server|url|endpoint)',
  ),
  rule(
    'exfiltration',
    'high',
    'uses an address that collects what is sent to it',
    '\\b(?:webhook\\.site|requestbin\\.|pipedream\\.net|ngrok(?:-free)?\\.(?:io|app)|burpcollaborator|interact\\.sh|oast\\.(?:fun|pro|live|site)|transfer\\.sh|[a-z.-]{3,40}/api/webhooks/\\d{6})',
  ),
  rule(
    'exfiltration',
    'medium',
    'hides data in the address of an image',
    '!\\[[^\\]]{0,80}\\]\\(https?://[^)\\s]{0,200}(?:\\$\\{|\\{\\{|<[a-z_]+>)',
  ),
];

export const injection: readonly GuardPattern[] = [
  rule(
    'injection',
    'critical',
    'tells the model to ignore its instructions',
    '\\b(?:ignore|disregard|forget|override)\\b.{0,30}\\b(?:all |any |your |the )*(?:previous|prior|above|earlier|system|safety)\\b.{0,20}\\b(?:instructions?|prompts?|rules|guidelines|polic(?:y|ies))\\b',
  ),
  rule(
    'injection',
    'critical',
    'tells the model to hide something from its person',
    "\\b(?:do not|don't|never|without)\\b.{0,12}\\b(?:tell|telling|inform|informing|notify|notifying|alert|alerting|reveal to|let)\\b.{0,20}\\b(?:the )?(?:user|owner|person|human)s?\\b(?!.{0,40}\\b(?:until|that it (?:works|passed)|unless)\\b)",
  ),
  rule(
    'injection',
    'critical',
    'poses as words of the system',
    '<\\|(?:im_start|im_end|system|endoftext)\\|>|\\[/?inst\\]|<</?sys>>',
  ),
  rule(
    'injection',
    'high',
    'poses as words of the system',
    '<\\s*/?\\s*(?:system|system-prompt|system_prompt)\\s*>|^\\s*(?:system|assistant)\\s*:\\s*(?:you are|you must|from now)\\b',
  ),
  rule(
    'injection',
    'critical',
    'turns off what keeps the model in bounds',
    '\\b(?:bypass|disable|turn off|circumvent|switch off)\\b.{0,30}\\b(?:safety|guard ?rails?|approvals?|permission (?:check|prompt)s?|content (?:filter|polic)|sandbox(?:ing)?)\\b',
  ),
  rule(
    'injection',
    'high',
    'gives the model another self',
    '\\b(?:you are now|act as|pretend to be|roleplay as)\\b.{0,30}\\b(?:dan\\b|jailbr|unrestricted|without (?:any )?(?:rules|restrictions|limits)|evil)',
  ),
  rule(
    'injection',
    'high',
    'acts without asking',
    "\\b(?:without|never|no need to|do not|don't)\\b.{0,20}\\b(?:ask(?:ing)?|wait(?:ing)?)\\b.{0,20}\\b(?:for )?(?:approval|permission|confirmation|consent)\\b",
  ),
  rule(
    'injection',
    'high',
    'rewrites what later turns are told',
    '\\b(?:write|append|add|insert|save)\\b.{0,60}\\b(?:memory\\.md|user\\.md|soul\\.md|agents\\.md|claude\\.md|\\.cursorrules|system prompt)\\b.{0,60}\\b(?:always|never|ignore|must)\\b',
  ),
  rule(
    'injection',
    'medium',
    'hides text in a comment of the page',
    '<!--[^>]{0,200}\\b(?:ignore|instruction|you must|secret|execute|run the)\\b',
  ),
];
