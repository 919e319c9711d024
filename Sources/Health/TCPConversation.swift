/// `TCP_CHECK`: that the connection stands is all.
public struct TCPConversation: Conversation {
    public init() {}
    public var awaited: String { "the connection" }
    public mutating func begin() -> ConversationStep { .finish(.success) }
    public mutating func receive(_ bytes: [UInt8]) -> ConversationStep { .finish(.success) }
}
