// Loaded before a gateway process (node --import): makes the test's server one that its WhatsApp client trusts.
import { WA_CERT_DETAILS } from 'baileys';

const root = process.env['WHATSAPP_TEST_ROOT'];
if (root !== undefined) WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(root, 'hex');
