"""Two auxiliaries on one bus, suspended and resumed in between. Runs under pykiso as it is."""

import logging

import pykiso
from pykiso.auxiliaries import aux1, aux2, proxy_aux

REMOTE_ID = 0x123  # of can_channel


@pykiso.define_test_parameters(suite_id=2, case_id=1, aux_list=[aux1, aux2])
class TestMpProxy(pykiso.BasicTest):
    def exchange(self, payloads):
        """What aux1 sends is what aux2 receives, in that order."""
        with aux2.collect_messages():
            for payload in payloads:
                self.assertTrue(aux1.send_message(payload))
            for payload in payloads:
                message = aux2.receive_message(timeout_in_s=5)
                logging.info("aux2 received %s", message)
                self.assertEqual(message, (payload, REMOTE_ID))

    def test_run(self):
        self.exchange([b"\x01\x02\x03", b"\x04\x05\x06", b"\x07\x08\x09"])

        for auxiliary in (proxy_aux, aux1, aux2):
            auxiliary.suspend()
        for auxiliary in (proxy_aux, aux1, aux2):
            auxiliary.resume()

        self.exchange([bytes([number, number + 1]) for number in range(10)])
