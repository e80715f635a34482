"""The public JSON of every route as models: what the API's reference is made of. Handlers read bodies themselves.

Requests refuse unknown keys, as their `additionalProperties: false` says; events and items may carry more.
"""

from __future__ import annotations

from app.web.schemas.decisions import (
    Question, DecisionRequest, Recipient, BatchRequest, ItemFields, Item, Choice, Candidate, FeatureValue, Explanation,
    Ranking, CandidateWhy, PlacementWhy, Age, OutcomeTold, StoredExplanation, Decided, DecisionAnswer, StoredAnswer,
    PlacementAnswer, LineError, RecommendationRequest, ScoredItem, RecommendationAnswer,
)
from app.web.schemas.events import (
    Event, EventBatch, Rejection, EventsAnswer, Reported, WebhookAnswer,
)
from app.web.schemas.groups import (
    SegmentSize, Filling, SegmentList, SegmentPage, ReportVariant, ReportAnswer,
)
from app.web.schemas.inference import (
    InferenceAnswer, InferenceError, InferenceRequest, InferenceServer, InputTensor, Live, ModelMetadata, ModelReady, OutputTensor,
    RequestedOutput, ServerReady, TensorTold,
)
from app.web.schemas.mails import (
    AmpList, MailParts, MessageRequest, MessageAnswer, EmarsysRequest, EmarsysAnswer, NotifuseRequest, ShownAnswer,
    FieldError, FormAnswer, FormRefusal, OneClick, PreferencesForm, SubmittedForm,
)
from app.web.schemas.operations import (
    Alive, ContentState, Ready,
)
from app.web.schemas.people import (
    Identity, EventCount, Person, Profile, KeptEvent, HistoryPage, StandingConsent, NotedConsent, Membership,
    PendingTrigger, Export, TraitsPatch, Consents, ConsentAnswer, ConsentsRequest, ConsentsTold, Restriction,
)
from app.web.schemas.shared import (
    ProfileId, Send, Mail, Context, Instant, Surface, Status, Request, ErrorProblem, ErrorBody, ErrorAnswer,
)

__all__ = [
    "Age", "Alive", "AmpList", "BatchRequest", "Candidate", "CandidateWhy", "Choice", "ConsentAnswer", "Consents",
    "ConsentsRequest", "ConsentsTold", "ContentState", "Context", "Decided", "DecisionAnswer", "DecisionRequest",
    "EmarsysAnswer", "EmarsysRequest", "ErrorAnswer", "ErrorBody", "ErrorProblem", "Event", "EventBatch",
    "EventCount", "EventsAnswer", "Explanation", "Export", "FeatureValue", "FieldError", "Filling", "FormAnswer", "FormRefusal", "HistoryPage", "Identity",
    "InferenceAnswer", "InferenceError", "InferenceRequest", "InferenceServer", "InputTensor", "Instant", "Item",
    "ItemFields", "KeptEvent", "LineError", "Live", "Mail", "MailParts", "Membership", "MessageAnswer",
    "MessageRequest", "ModelMetadata", "ModelReady", "NotedConsent", "NotifuseRequest", "OneClick", "OutcomeTold",
    "OutputTensor", "PendingTrigger", "Person", "PlacementAnswer", "PlacementWhy", "PreferencesForm", "Profile", "ProfileId",
    "Question", "Ranking", "Ready", "Recipient", "RecommendationAnswer", "RecommendationRequest", "Rejection",
    "ReportAnswer", "ReportVariant", "Reported", "Request", "RequestedOutput", "Restriction", "ScoredItem",
    "SegmentList", "SegmentPage", "SegmentSize", "Send", "ServerReady", "ShownAnswer", "StandingConsent", "Status",
    "SubmittedForm",
    "StoredAnswer", "StoredExplanation", "Surface", "TensorTold", "TraitsPatch", "WebhookAnswer",
]
