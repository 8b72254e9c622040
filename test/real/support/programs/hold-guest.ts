// Starts a guest, prints its shared folder and stays: for the test that kills the process which holds a guest.
import { startGuest } from '../uml.ts';

const guest = await startGuest({ init: 'plain' });
await guest.ok('sleep 1000 & sleep 1000 >/dev/null 2>&1 & exit 0', { timeoutMs: 5000 });
console.log(guest.share);
setInterval(() => guest.boots, 1000);
