import ConfigLanguage
import Configuration
import Primitives
import Testing

@Suite struct ExampleTests {
    @Test("A simple pair means what it says, with the defaults filled in")
    func simplePair() throws {
        let loaded = Configuration.load(
            text: """
                ! Configuration File for keepalived
                global_defs {
                    router_id node1
                }
                vrrp_instance VI_1 {
                    state BACKUP
                    interface eth0
                    virtual_router_id 51
                    priority 150
                    advert_int 1
                    authentication {
                        auth_type PASS
                        auth_pass secret
                    }
                    virtual_ipaddress {
                        192.168.1.100/24 dev eth0 label eth0:vip
                    }
                }
                """)
        #expect(loaded.renderedDiagnostics() == "")
        let model = try #require(loaded.model)
        var instance = InstanceDefinition(name: "VI_1", interface: "eth0", virtualRouterID: 51)
        instance.initialState = .backup
        instance.basePriority = 150
        instance.authentication = .pass(Secret(Array("secret".utf8)))
        var address = VirtualAddress(try #require(IPPrefix("192.168.1.100/24")), device: "eth0")
        address.label = "eth0:vip"
        instance.virtualAddresses = [address]
        #expect(model.instances == [instance])
        #expect(model.global.routerID == "node1")
    }
}
