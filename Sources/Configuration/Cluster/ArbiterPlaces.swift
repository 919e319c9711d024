import ConfigLanguage
import Primitives

/// Where an arbiter says what it says; nil is what is not written.
public struct ArbiterPlaces: Sendable {
    private let draft: Boxed<ArbiterDraft>

    init(_ draft: Boxed<ArbiterDraft>) { self.draft = draft }

    public var name: SourceRange { draft.value.name.range }
    public var type: SourceRange? { draft.value.kind?.range }
    public var lease: SourceRange? { draft.value.lease?.range }
    public var drift: SourceRange? { draft.value.drift?.range }
    public var whenDown: SourceRange? { draft.value.whenDown?.range }
    public var cluster: SourceRange? { draft.value.cluster?.range }
    public var node: SourceRange? { draft.value.node?.range }
    /// Of the witness, or of the first endpoint.
    public var address: SourceRange? { draft.value.address?.range ?? draft.value.endpoints.first?.range }
    public var key: SourceRange? { draft.value.key?.range ?? draft.value.keyFile?.range }
    public var prefix: SourceRange? { draft.value.prefix?.range }
    public var clusterID: SourceRange? { draft.value.clusterID?.range }
    public var group: SourceRange? { draft.value.group?.range }
}
