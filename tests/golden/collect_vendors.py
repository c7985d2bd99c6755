#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: collect_vendors.py WEIR

Collects the files of many vendors' exporters in ../shared/data/export/logstash, and looks for what
the tests of the netflow codec that they are from expect of them: how many records, and the values
of one of them, by the names of weir's elements.
"""
import json
import os
import subprocess
import sys

# Files, records of all kinds, the number of one of them, from 0 or backwards, and its values.
CASES = [
    ("netflow9_test_valid01.dat", 7, 0,
     {"sourceIPv4Address": "172.16.32.100", "destinationIPv4Address": "172.16.32.248",
      "octetDeltaCount": 76, "packetDeltaCount": 1, "sourceTransportPort": 123,
      "protocolIdentifier": 17, "ipVersion": 4}),
    ("netflow9_test_macaddr_tpl.dat netflow9_test_macaddr_data.dat", None, 1,
     {"sourceMacAddress": "00:50:56:c0:00:01", "destinationMacAddress": "00:0c:29:70:86:09",
      "sourceIPv4Address": "172.16.32.1", "sourceTransportPort": 65058}),
    ("netflow9_test_cisco_asa_1_tpl.dat netflow9_test_cisco_asa_1_data.dat", 14, 1,
     {"flowId": 8501, "sourceIPv4Address": "192.168.23.22",
      "destinationIPv4Address": "164.164.37.11", "icmpTypeIPv4": 8, "icmpCodeIPv4": 0,
      "postNATSourceIPv4Address": "192.168.23.22", "firewallEvent": 2,
      "firewallEventExtended": 2025, "observationTimeMilliseconds": "2015-10-09T09:47:50.179Z",
      "octetTotalCount": 56, "flowStartMilliseconds": "2015-10-09T09:47:48.169Z",
      "ingressAclId": "0x0f8e7ff3fc1a030f00000000", "userName": ""}),
    ("netflow9_test_cisco_asa_2_tpl_26x.dat netflow9_test_cisco_asa_2_tpl_27x.dat "
     "netflow9_test_cisco_asa_2_data.dat", 19, -1,
     {"flowId": 742820223, "sourceTransportPort": 56651, "destinationIPv4Address": "192.168.0.18",
      "firewallEventExtended": 2030, "observationTimeMilliseconds": "2016-07-21T13:50:36.495Z",
      "initiatorOctets": 69, "responderOctets": 14178,
      "flowStartMilliseconds": "2016-07-21T13:50:36.395Z"}),
    # Two exporters whose Templates have one id, in domains of their own.
    ("netflow9_test_nprobe_tpl.dat netflow9_test_softflowd_tpl_data.dat "
     "netflow9_test_nprobe_data.dat", 9, 8,
     {"octetDeltaCount": 200, "packetDeltaCount": 2, "ipClassOfService": 16, "tcpControlBits": 24,
      "sourceTransportPort": 22, "sourceIPv4Address": "172.16.32.201"}),
    ("netflow9_test_nprobe_tpl.dat", 1, 0,
     {"type": "options", "scopeSystem": 0, "exportedFlowRecordTotalCount": 1,
      "exportedMessageTotalCount": 0}),
    ("netflow9_test_cisco_asr9k_opttpl256.dat netflow9_test_cisco_asr9k_data256.dat", 19, -1,
     {"type": "options", "scopeSystem": 3250896451, "ingressInterface": 104,
      "interfaceDescription": "TenGigE0_6_0_2"}),
    ("netflow9_test_cisco_asr9k_tpl260.dat netflow9_test_cisco_asr9k_data260.dat", 21, -1,
     {"octetDeltaCount": 112, "packetDeltaCount": 2, "bgpSourceAsNumber": 15169,
      "bgpDestinationAsNumber": 64498, "bgpNextHopIPv4Address": "10.0.14.27",
      "forwardingStatus": 64, "ingressVRFID": 1610612736, "samplerId": 1, "flowDirection": 1,
      "sourceIPv4PrefixLength": 24, "egressInterface": 158}),
    ("netflow9_test_cisco_nbar_opttpl260.dat", 15, -1,
     {"type": "options", "scopeSystem": 168755571, "applicationId": "0x0100000d",
      "applicationName": "argus", "applicationDescription": "ARGUS"}),
    ("netflow9_test_cisco_nbar_tpl262.dat netflow9_test_cisco_nbar_data262.dat", 5, -1,
     {"applicationId": "0x05000026", "sourceIPv4Address": "10.10.172.60", "octetDeltaCount": 2794,
      "packetDeltaCount": 36, "udpDestinationPort": 161, "tcpSourcePort": 0,
      "sourceMacAddress": "00:18:19:9e:6c:01", "sourceIPv4Prefix": "0.0.0.0"}),
    ("netflow5_test_microtik.dat", 30, -1,
     {"sourceIPv4Address": "10.0.8.1", "destinationIPv4Address": "192.168.0.1",
      "ipNextHopIPv4Address": "192.168.0.1", "ingressInterface": 13, "egressInterface": 46,
      "packetDeltaCount": 13, "octetDeltaCount": 11442, "tcpControlBits": 82,
      "ipClassOfService": 40}),
    ("ipfix.dat", None, 0,
     {"type": "options", "meteringProcessId": 2679,
      "systemInitTimeMilliseconds": "2015-05-13T11:20:13.506Z", "selectorAlgorithm": 1,
      "samplingPacketInterval": 1, "samplingPacketSpace": 0}),
    ("ipfix.dat", None, 5,
     {"sourceIPv4Address": "54.214.9.161", "octetDeltaCount": 5946, "packetDeltaCount": 14,
      "destinationTransportPort": 49935, "tcpControlBits": 26, "flowStartSysUpTime": 1142,
      "flowEndSysUpTime": 2392, "vlanId": 0}),
    ("ipfix_test_openbsd_pflow_tpl.dat ipfix_test_openbsd_pflow_data.dat", 26, -1,
     {"destinationIPv4Address": "192.168.0.17", "packetDeltaCount": 8, "octetDeltaCount": 6425,
      "flowStartMilliseconds": "2016-07-21T13:29:59.000Z",
      "flowEndMilliseconds": "2016-07-21T13:30:01.000Z", "destinationTransportPort": 64026}),
    ("ipfix_test_vmware_vds_tpl.dat ipfix_test_vmware_vds_data264.dat "
     "ipfix_test_vmware_vds_data266.dat ipfix_test_vmware_vds_data266_267.dat", 5, -1,
     {"sourceIPv6Address": "fe80::5187:5cd8:d750:cdc9", "destinationIPv6Address": "ff02::1:3",
      "octetDeltaCount": 144, "destinationTransportPort": 5355, "layer2SegmentId": 0,
      "flowEndReason": 1, "maximumTTL": 1, "egressInterface": 11}),
    ("ipfix_test_netscaler_tpl.dat ipfix_test_netscaler_data.dat", 3, 1,
     {"flowId": 14460662, "observationPointId": 167954698, "flowFlags": 1157636096,
      "roundTripTime": 83}),
    ("ipfix_test_netscaler_tpl.dat ipfix_test_netscaler_data.dat", 3, -1,
     {"httpReqHost": "www.kobo.com", "httpReqMethod": "GET", "aaaUsername": "",
      "httpReqXForwardedFor": "11.222.33.255", "connectionId": 14460661,
      "connectionChainID": "0x00e0ed1c9ca80300efb42558596b0800", "flowFlags": 84025344,
      "transactionId": 1068114985, "appUnitNameAppId": 239927296, "octetDeltaCount": 1541,
      "egressInterface": 2147483651}),
    ("ipfix_test_netscaler_data.dat", 0, None, {}),
]


def main():
    weir = sys.argv[1]
    folder = os.path.join(os.environ["WEIR_SHARED"], "data", "export", "logstash")
    if not os.path.isdir(folder):
        print("skipped: ../shared/data/export/logstash is not here")
        sys.exit(77)
    wrong = 0
    for names, count, index, values in CASES:
        command = [weir, "collect"]
        for name in names.split():
            command += ["-r", os.path.join(folder, name)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=True)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        got = {name: records[index].get(name) for name in values} if values else {}
        if (count is not None and len(records) != count) or got != values:
            print(f"{names}: {len(records)} records, not {count}; {got}, not {values}")
            wrong += 1
    print(f"{len(CASES)} collections, {wrong} wrong")
    sys.exit(wrong > 0)


main()
