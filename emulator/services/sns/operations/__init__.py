"""What a caller can ask of SNS, one method per AWS action; the table that the edge and other services use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.services.sns.delivery import Deliveries
from emulator.services.sns.operations.mobile import MobileOperations
from emulator.services.sns.operations.publish import PublishOperations
from emulator.services.sns.operations.subscriptions import SubscriptionOperations
from emulator.services.sns.operations.text_messages import TextMessageOperations
from emulator.services.sns.operations.topics import TopicOperations


class SnsOperations(TopicOperations):
    """All operations of SNS."""

    def __init__(self, deliveries: Deliveries) -> None:
        self.subscriptions = SubscriptionOperations(deliveries)
        self.publishing = PublishOperations(deliveries)
        self.texts = TextMessageOperations(deliveries)

    def table(self) -> dict[str, Callable[..., Any]]:
        """From AWS's name to method."""
        return {
            "CreateTopic": self.create_topic,
            "DeleteTopic": self.delete_topic,
            "ListTopics": self.list_topics,
            "GetTopicAttributes": self.get_topic_attributes,
            "SetTopicAttributes": self.set_topic_attributes,
            "AddPermission": self.add_permission,
            "RemovePermission": self.remove_permission,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
            "Subscribe": self.subscriptions.subscribe,
            "ConfirmSubscription": self.subscriptions.confirm_subscription,
            "Unsubscribe": self.subscriptions.unsubscribe,
            "ListSubscriptions": self.subscriptions.list_subscriptions,
            "ListSubscriptionsByTopic": self.subscriptions.list_subscriptions_by_topic,
            "GetSubscriptionAttributes": self.subscriptions.get_subscription_attributes,
            "SetSubscriptionAttributes": self.subscriptions.set_subscription_attributes,
            "Publish": self.publishing.publish,
            "PublishBatch": self.publishing.publish_batch,
            "PutDataProtectionPolicy": self.put_data_protection_policy,
            "GetDataProtectionPolicy": self.get_data_protection_policy,
            **MobileOperations().table(),
            **self.texts.table(),
        }
